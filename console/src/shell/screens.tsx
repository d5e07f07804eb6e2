import type { ComponentType } from 'react';
import type { OperationId } from '../api/call.js';
import type { LiveSample } from '../api/live.js';
import { Now } from '../screens/now/now.js';

interface Screen {
  readonly path: string;
  readonly name: string;
  /** Without the right to this it is not offered. */
  readonly needs: OperationId;
  readonly show: ComponentType;
  /** A line before it in the list. */
  readonly rule?: boolean;
  /** How many of something wait there for a person. */
  readonly waiting?: (sample: LiveSample) => number;
}

/** What there is, in the order of the list. */
export const SCREENS: readonly Screen[] = [{ path: '/', name: 'Now', needs: 'watchOverview', show: Now }];

/** Screens of one thing, which are not in the list. */
interface ItemScreen {
  /** With `:id` in it. */
  readonly path: string;
  readonly needs: OperationId;
  readonly show: ComponentType<{ readonly id: string }>;
}

export const ITEMS: readonly ItemScreen[] = [];
