// How things look, the same on every board. Colours are Okabe and Ito's, which the colour-blind can tell apart; a
// state or a severity has one colour everywhere.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';

export const BLUE = '#0072B2';
export const SKY = '#56B4E9';
export const GREEN = '#009E73';
export const YELLOW = '#F0E442';
export const ORANGE = '#E69F00';
export const RED = '#D55E00';
export const PINK = '#CC79A7';
export const GREY = '#8E8E8E';

export const STATION_STATES: Record<string, string> = {
  available: GREEN,
  charging: BLUE,
  occupied: SKY,
  reserved: PINK,
  unavailable: GREY,
  faulted: RED,
  offline: ORANGE,
  unknown: YELLOW,
};

export const CONNECTOR_STATUSES: Record<string, string> = {
  available: GREEN,
  preparing: SKY,
  charging: BLUE,
  suspended_ev: YELLOW,
  suspended_evse: YELLOW,
  finishing: SKY,
  occupied: SKY,
  reserved: PINK,
  unavailable: GREY,
  faulted: RED,
  unknown: GREY,
};

export const SEVERITIES: Record<string, string> = {
  normal: GREEN,
  info: SKY,
  warning: ORANGE,
  critical: RED,
};

export const CONNECTIONS: Record<string, string> = { online: GREEN, connected: GREEN, offline: ORANGE, disconnected: ORANGE, unknown: YELLOW };

export const SESSION_STATES: Record<string, string> = { open: BLUE, ended: GREEN };

export const COMMAND_STATES: Record<string, string> = {
  queued: YELLOW,
  sent: SKY,
  accepted: GREEN,
  scheduled: GREEN,
  rejected: ORANGE,
  failed: RED,
  expired: GREY,
  cancelled: GREY,
  unknown: PINK,
};

/** Thresholds from a base colour and steps. */
export function thresholds(base: string, ...steps: [number, string][]): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...steps.map(([value, color]) => ({ value, color }))]);
}

/** A fixed colour for each series or column that has the name of a state. */
export function colourOverrides(colours: Record<string, string>) {
  return Object.entries(colours).map(([name, fixedColor]) => ({
    matcher: { id: 'byName', options: name },
    properties: [{ id: 'color', value: { mode: 'fixed', fixedColor } }],
  }));
}

/** Text to colour, for table cells. */
export function wordColours(colours: Record<string, string>): dashboard.ValueMapping[] {
  const options = Object.fromEntries(
    Object.entries(colours).map(([word, color], index) => [word, { color, text: word, index }]),
  );
  return [{ type: dashboard.MappingType.ValueToText, options }];
}

/** Numbers to words and colours. */
export function numberWords(words: Record<string, [text: string, color: string]>): dashboard.ValueMapping[] {
  const options = Object.fromEntries(
    Object.entries(words).map(([value, [text, color]], index) => [value, { text, color, index }]),
  );
  return [{ type: dashboard.MappingType.ValueToText, options }];
}
