import { z } from 'zod';
import { optionalText, secret, url } from './environment.js';

/** Signing in to the console by OpenID Connect; off unless `OIDC_ISSUER` is set. */
export const openIdVariables = {
  CONSOLE_URL: url.optional(),
  OIDC_ISSUER: url.optional(),
  OIDC_CLIENT_ID: optionalText,
  OIDC_CLIENT_SECRET: secret,
  OIDC_SCOPES: z
    .string()
    .regex(/^openid( |$)/, 'must begin with openid')
    .default('openid profile email'),
  OIDC_ROLE_CLAIM: z.string().min(1).default('roles'),
  OIDC_ADMINS: optionalText,
  OIDC_OPERATORS: optionalText,
  OIDC_VIEWERS: optionalText,
};

type OpenIdVariables = z.infer<z.ZodObject<typeof openIdVariables>>;

/** How people sign in at an identity provider, and what they may. */
export interface OpenIdSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: string;
  /** The claim that says what somebody may, by its name or by the names on the way to it: `realm_access.roles`. */
  readonly roleClaim: string;
  /** Values of that claim, by the role that they give. */
  readonly values: Readonly<Record<'admin' | 'operator' | 'viewer', readonly string[]>>;
  /** Where browsers reach the api; no slash at the end. */
  readonly consoleUrl: string;
}

/** What is missing, or not safe, in a valid environment. */
export function faultsOfOpenId(env: Readonly<Record<string, string | undefined>>): string[] {
  if (!env.OIDC_ISSUER) return [];
  const missing = ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'CONSOLE_URL'].filter((name) => !env[name]);
  const givesRole = env.OIDC_ADMINS || env.OIDC_OPERATORS || env.OIDC_VIEWERS;
  return [
    ...missing.map((name) => `${name}: required, because OIDC_ISSUER is set`),
    ...(givesRole ? [] : ['OIDC_ADMINS: nobody has a role; name a value here, in OIDC_OPERATORS or in OIDC_VIEWERS']),
    ...(isOfManyTenants(env.OIDC_ISSUER)
      ? ['OIDC_ISSUER: lets in who is at any organisation; name your own tenant']
      : []),
    ...['OIDC_ISSUER', 'CONSOLE_URL'].filter((name) => env[name] && !isSafe(env[name])).map(notSafe),
  ];
}

/** Microsoft's addresses that vouch for everybody's tenants: whoever makes a tenant gives themselves any role there. */
const isOfManyTenants = (issuer: string) =>
  /^https:\/\/login\.microsoftonline\.com\/(common|organizations|consumers)(\/|$)/i.test(issuer);

const notSafe = (name: string) => `${name}: must begin with https:// but on this machine`;

/** Secrets and codes go there: over http on this machine alone. */
function isSafe(text: string): boolean {
  if (!URL.canParse(text)) return true; // The schema says so.
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** @returns null: signing in by keys alone. */
export function openIdSettings(env: OpenIdVariables): OpenIdSettings | null {
  if (!env.OIDC_ISSUER) return null;
  return {
    issuer: env.OIDC_ISSUER,
    clientId: env.OIDC_CLIENT_ID!,
    clientSecret: env.OIDC_CLIENT_SECRET!,
    scopes: env.OIDC_SCOPES,
    roleClaim: env.OIDC_ROLE_CLAIM,
    values: {
      admin: valuesIn(env.OIDC_ADMINS),
      operator: valuesIn(env.OIDC_OPERATORS),
      viewer: valuesIn(env.OIDC_VIEWERS),
    },
    consoleUrl: env.CONSOLE_URL!.replace(/\/+$/, ''),
  };
}

const valuesIn = (text = '') =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
