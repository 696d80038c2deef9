// Event log and search: what was said, word by word.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, choice, place } from './board.js';
import { colourOverrides, SEVERITIES } from './look.js';
import { columns, label } from './panels.js';
import { atSite, CONNECTOR, sql } from './query.js';
import { tableOf } from './tables.js';

const LIKE = (column: string, variable: string) => `coalesce(${column}, '') ILIKE concat('%', \${${variable}:sqlstring}, '%')`;
const FOUND = `
  FROM events WHERE $__timeFilter(ts) AND ${atSite()} AND $__conditionalAll(type IN (\${type:sqlstring}), $type)
  AND $__conditionalAll(severity IN (\${severity:sqlstring}), $severity) AND ${LIKE('station', 'station')} AND (${LIKE('text', 'search')} OR ${LIKE('payload', 'search')})`;

export function events(): dashboard.Dashboard {
  let builder = board({ uid: 'ampwarden-events', title: 'Event log and search', description: 'What stations, operators and the gateway said, word by word.', version: 1, from: 'now-1h', site: true });
  builder = choice(builder, 'type', 'Type', 'SELECT DISTINCT type FROM events WHERE type IS NOT NULL ORDER BY type', true);
  builder = builder.withVariable(
    new dashboard.CustomVariableBuilder('severity').label('Severity').values('info,warning,critical').multi(true).includeAll(true).current({ text: ['All'], value: ['$__all'] }),
  );
  for (const [name, text] of [['station', 'Station holds'], ['search', 'Search']] as const)
    builder = builder.withVariable(new dashboard.TextBoxVariableBuilder(name).label(text).defaultValue('').current({ text: '', value: '' }));
  return builder
    .withPanel(
      place(columns('short', '1m'), { id: 1, title: 'Volume by type', description: 'Events that fit the search, by type. A type that grows alone is a loop in a firmware or a network that comes and goes.', at: [0, 0, 14, 8], noValue: 'nothing fits the search' })
        .decimals(0)
        .displayName(label('type'))
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', ts) AS time, type, count() AS events ${FOUND} GROUP BY time, type ORDER BY time`, 'timeseries')),
    )
    .withPanel(
      place(columns('short', '1m'), { id: 2, title: 'By severity', description: 'Events that fit the search, by severity. Critical ones are faults that stations reported.', at: [14, 0, 10, 8], noValue: 'nothing fits the search' })
        .decimals(0)
        .overrides(colourOverrides(SEVERITIES))
        .displayName(label('severity'))
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', ts) AS time, coalesce(severity, 'info') AS severity, count() AS events ${FOUND} GROUP BY time, severity ORDER BY time`, 'timeseries')),
    )
    .withPanel(
      place(tableOf(['Time', 'Severity', 'Type', 'Station', 'Connector', 'Text', 'Source', 'Flags', 'Payload'], { Source: [{ id: 'custom.width', value: 120 }], Flags: [{ id: 'custom.width', value: 90 }] }), {
        id: 3,
        title: 'Events',
        description: 'The last 500 that fit the search. Search looks into text and payload, without regard to case; "Station holds" takes a part of a name. Tokens in payloads are sealed. Heartbeats and meter values are no events here.',
        at: [0, 8, 24, 18],
        noValue: 'nothing fits the search',
      }).withTarget(
        sql(`SELECT ts AS "Time", severity AS "Severity", type AS "Type", station AS "Station", ${CONNECTOR} AS "Connector", text AS "Text", source AS "Source", flags AS "Flags", payload AS "Payload"
          ${FOUND} ORDER BY ts DESC LIMIT 500`),
      ),
    )
    .withPanel(
      place(tableOf(['Time', 'Station', 'Text', 'Payload'], { Reason: [{ id: 'custom.width', value: 130 }] }), { id: 4, title: 'Rejected', description: 'The last 100 messages that could not be taken, kept whole. "ampwarden rejected replay" takes them in after a mend.', at: [0, 26, 24, 8], noValue: 'nothing was rejected in this time range' })
        .withTarget(sql(`SELECT ts AS "Time", station AS "Station", reason AS "Reason", detail AS "Text", origin AS "From", payload AS "Payload" FROM rejected
          WHERE $__timeFilter(ts) AND ${LIKE('station', 'station')} AND (${LIKE('detail', 'search')} OR ${LIKE('payload', 'search')}) ORDER BY ts DESC LIMIT 100`)),
    )
    .build();
}
