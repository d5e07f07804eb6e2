import type { ProviderName } from '../../config.js';
import type { Story } from './story.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** One way an e-mail's life can go. */
export interface Life {
  readonly name: string;
  /** The share of all e-mails; every life is told at least once. */
  readonly share: number;
  /** At most this many, because a running system works on each. */
  readonly most?: number;
  /** It is not over: a running system sends it. Its e-mail is accepted just now. */
  readonly inWork?: true;
  readonly tell: (story: Story) => unknown;
}

const other = (provider: ProviderName): ProviderName => (provider === 'mailgun' ? 'mandrill' : 'mailgun');
const provider = ({ chance }: Story): ProviderName => (chance.happens(0.9) ? 'mailgun' : 'mandrill');

function sent(story: Story): ProviderName {
  const by = provider(story);
  story.queued().dispatched().call(by, 'accepted');
  return by;
}

function delivered(story: Story, by = sent(story)): ProviderName {
  story.wait(1_500).told('delivered', by, { code: '250', message: 'OK', mx_host: 'mx.example.org' });
  return by;
}

function opened(story: Story): ProviderName {
  const by = delivered(story);
  story.wait(40 * MINUTE_MS).told('opened', by, { ip: '192.0.2.7', device: 'desktop', client: 'Example Mail' });
  return by;
}

/** What a reader does who has opened it, a while later: two things at one moment have no order. */
function afterOpening(story: Story, type: string, medianMs: number, metadata?: Record<string, unknown>): Story {
  const by = opened(story);
  return story.wait(medianMs).told(type, by, metadata);
}

function bounced(story: Story): Story {
  const by = sent(story);
  return story
    .wait(3_000)
    .told('bounced', by, { code: '550', reason: 'mailbox does not exist', severity: 'permanent' });
}

function unheard(story: Story): Story {
  const by = sent(story);
  return story.wait(HOUR_MS).unheard(by);
}

/** No provider takes it, again and again. */
function inVain(story: Story): Story {
  story.queued().dispatched();
  for (const by of ['mailgun', 'mandrill', 'mailgun', 'mandrill'] as const) {
    story.call(by, 'refused', story.chance.of(['http_503', 'http_429', 'timeout'])).wait(4 * MINUTE_MS);
  }
  return story;
}

/** What a running system finds unfinished is looked at within minutes, not all of it at once. */
const soon = ({ chance }: Story) => new Date(Date.now() + 20_000 + chance.below(2 * MINUTE_MS));

export const LIVES: readonly Life[] = [
  { name: 'delivered', share: 0.488, tell: (story) => delivered(story) },
  { name: 'opened', share: 0.3, tell: opened },
  {
    name: 'clicked',
    share: 0.07,
    tell: (story) => afterOpening(story, 'clicked', MINUTE_MS, { url: 'https://example.com/offer' }),
  },
  {
    name: 'complained',
    share: 0.001,
    tell: (story) => afterOpening(story, 'complained', HOUR_MS).suppresses('complained'),
  },
  {
    name: 'unsubscribed',
    share: 0.004,
    tell: (story) => afterOpening(story, 'unsubscribed', HOUR_MS).suppresses('unsubscribed'),
  },
  { name: 'sent, and nothing heard', share: 0.002, tell: unheard },
  { name: 'sent by SMTP', share: 0.01, tell: (story) => story.queued().dispatched().call('smtp', 'accepted') },
  {
    name: 'deferred, then delivered',
    share: 0.02,
    tell: (story) => {
      const by = sent(story);
      for (let times = 1 + story.chance.below(3); times > 0; times--) {
        story.wait(10 * MINUTE_MS).told('deferred', by, { code: '421', reason: 'try again later' });
      }
      delivered(story.wait(20 * MINUTE_MS), by);
    },
  },
  {
    name: 'deferred',
    share: 0.003,
    tell: (story) => {
      const by = sent(story);
      story.wait(2_000).told('deferred', by, { code: '452' }).wait(HOUR_MS).unheard(by);
    },
  },
  {
    name: 'failed over',
    share: 0.02,
    tell: (story) => {
      const by = provider(story);
      story.queued().dispatched().call(by, 'refused', 'http_503').wait(500).call(other(by), 'accepted');
      delivered(story, other(by));
    },
  },
  {
    name: 'late, after a back-off',
    share: 0.006,
    tell: (story) => {
      const by = provider(story);
      inVain(story).late().call(by, 'accepted');
      delivered(story, by);
    },
  },
  {
    name: 'unconfirmed, then found to be sent',
    share: 0.004,
    tell: (story) => {
      const by = provider(story);
      story.queued().dispatched().call(by, 'ambiguous', 'timeout').wait(30_000).adopted(by);
      delivered(story, by);
    },
  },
  { name: 'bounced', share: 0.025, tell: (story) => bounced(story).suppresses('bounced') },
  { name: 'bounced, mailbox full', share: 0.008, tell: bounced },
  {
    name: 'rejected',
    share: 0.008,
    tell: (story) => story.queued().dispatched().call(provider(story), 'rejected', 'http_400'),
  },
  { name: 'suppressed', share: 0.006, tell: (story) => story.suppresses('manual').queued().dispatched().suppressed() },
  { name: 'cancelled', share: 0.004, tell: (story) => story.queued().wait(30_000).cancelled() },
  { name: 'dead of its lifetime', share: 0.008, tell: (story) => inVain(story).wait(HOUR_MS).died('lifetime_over') },
  {
    name: 'dead, outcome unknown',
    share: 0.003,
    tell: (story) =>
      story
        .queued()
        .dispatched()
        .call('mailgun', 'ambiguous', 'timeout')
        .wait(45 * MINUTE_MS)
        .died('ambiguous'),
  },
  {
    name: 'dead, stopped in Temporal',
    share: 0.0005,
    tell: (story) => story.queued().dispatched().wait(MINUTE_MS).died('stopped_in_temporal'),
  },
  {
    name: 'dead, discarded',
    share: 0.002,
    tell: (story) =>
      inVain(story)
        .died('lifetime_over')
        .wait(3 * HOUR_MS)
        .resolved('discarded'),
  },
  {
    name: 'dead, retried and delivered',
    share: 0.0025,
    tell: (story) => {
      inVain(story)
        .died('lifetime_over')
        .wait(2 * HOUR_MS)
        .resolved('retried')
        .dispatched(300)
        .call('mandrill', 'accepted');
      delivered(story, 'mandrill');
    },
  },
  {
    name: 'scheduled',
    share: 0.005,
    inWork: true,
    tell: (story) =>
      story.scheduled(new Date(Date.now() + HOUR_MS + story.chance.below(72 * HOUR_MS))).inWork('waiting'),
  },
  { name: 'queued', share: 0.0005, most: 20, inWork: true, tell: (story) => story.queued().inWork('waiting') },
  {
    name: 'sending',
    share: 0.0005,
    most: 5,
    inWork: true,
    tell: (story) => story.queued().dispatched(500).call(provider(story), 'calling').inWork('in_flight', soon(story)),
  },
  {
    name: 'retrying',
    share: 0.0005,
    most: 10,
    inWork: true,
    tell: (story) =>
      story.queued().dispatched(500).call(provider(story), 'refused', 'http_503').inWork('backing_off', soon(story)),
  },
  {
    name: 'unconfirmed',
    share: 0.0005,
    most: 10,
    inWork: true,
    tell: (story) =>
      story.queued().dispatched(500).call(provider(story), 'ambiguous', 'timeout').inWork('backing_off', soon(story)),
  },
];
