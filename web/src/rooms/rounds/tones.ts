import type { Tone } from '@/ui/StatusTag.vue';

/** Colour marks only what asks for attention or is done; everything on its way is plain. */
export function roundTone(state: string): Tone {
  if (state === 'closed') return 'plain';
  if (state === 'cancelled') return 'bad';
  return state === 'draft' || state === 'approved' ? 'plain' : 'good';
}

export function dueTone(state: string): Tone {
  if (state === 'resulted') return 'good';
  return state === 'missed' ? 'warn' : 'plain';
}

export function siteTone(state: string): Tone {
  if (state === 'open' || state === 'ready') return 'good';
  return state === 'paused' ? 'warn' : 'plain';
}

export function poolTone(state: string): Tone {
  if (state === 'resolved') return 'good';
  return state === 'flagged' ? 'bad' : 'warn';
}

/** The tube's way from site to result, in the order of the work; side states last, in colours that say so. */
export const TUBE_WAY: readonly Readonly<{ state: string; color: string }>[] = [
  { state: 'issued', color: '#d5d2cb' },
  { state: 'open', color: '#cfe3dc' },
  { state: 'locked', color: '#b7d8cd' },
  { state: 'sealed', color: '#9bcabb' },
  { state: 'boxed', color: '#7dbfad' },
  { state: 'in_transit', color: '#5fae99' },
  { state: 'received', color: '#459d87' },
  { state: 'testing', color: '#2c8c76' },
  { state: 'resulted', color: '#1a7a67' },
  { state: 'released', color: '#0f5a4e' },
  { state: 'rejected', color: '#d9a03a' },
  { state: 'broken', color: '#d5554c' },
  { state: 'missing', color: '#b3261e' },
  { state: 'voided', color: '#8d8a83' },
];
