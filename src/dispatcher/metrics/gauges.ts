import { Gauge, type Registry } from 'prom-client';

/** Makes a gauge of one sample; its name says what it is, and in which unit. */
export type NewGauge = (name: string, help: string, labelNames?: string[]) => Gauge;

export const gaugesOf =
  (registry: Registry): NewGauge =>
  (name, help, labelNames = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
