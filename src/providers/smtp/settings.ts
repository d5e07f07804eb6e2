import { z } from 'zod';
import type { Values } from '../definition.js';

export const VARIABLES = {
  SMTP_URL: z.url({ protocol: /^smtps?$/ }).optional(),
} as const;

export interface SmtpSettings {
  readonly url: string;
}

export const settingsOf = (values: Values<typeof VARIABLES>): SmtpSettings => ({ url: values.SMTP_URL ?? '' });
