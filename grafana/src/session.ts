// Session: one vehicle's visit: its curve, its price, its score and why.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, choice, heading, place } from './board.js';
import { SESSION_STATES, SEVERITIES } from './look.js';
import { label, lines, named, number, word } from './panels.js';
import { CONNECTOR, sql } from './query.js';
import { tableOf } from './tables.js';

/** `session` is the id; sessions are found by their begin, which may be long before the range. */
const IT = 'session_id = ${session:sqlstring}';
const SESSION = `SELECT * FROM sessions WHERE ${IT} LIMIT -1`;
const METERED = `FROM meter_values WHERE ts >= (SELECT dateadd('h', -1, min(ts)) FROM sessions WHERE ${IT}) AND ${IT}`;
const SCORE = `SELECT * FROM (SELECT *, row_number() OVER (ORDER BY scored_at DESC) AS place FROM session_scores WHERE ${IT}) WHERE place = 1`;
const RUNNING = 'its values come when it is scored, seconds after its end';

function facts(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const value = (id: number, x: number, title: string, unit: string, column: string, description: string) =>
    place(number(unit), { id, title, description, at: [x, 0, 3, 4], noValue: '–' }).withTarget(sql(`SELECT ${column} AS v FROM (${SESSION})`));
  return builder
    .withPanel(
      place(word(SESSION_STATES), { id: 1, title: 'State', description: 'Whether the session runs or has ended. Open for days: it is stuck, and "ampwarden command" can stop it.', at: [0, 0, 3, 4] })
        .withTarget(sql(`SELECT state FROM (${SESSION})`)),
    )
    .withPanel(value(2, 3, 'Energy', 'watth', 'energy_wh', 'Energy delivered, so far or in all.').decimals(2))
    .withPanel(value(3, 6, 'Duration', 'dthms', 'duration_s', 'From start to end or to the last that was heard, charging or not.'))
    .withPanel(value(4, 9, 'Idle', 'dthms', 'idle_s', 'How long the vehicle stood without charging. Long: the place was blocked; think of an idle fee.'))
    .withPanel(value(5, 12, 'Maximum power', 'watt', 'max_power_w', 'The highest power that was metered, or follows from the energy register.').decimals(1))
    .withPanel(
      place(named('locale', 1), { id: 6, title: 'Price so far', description: 'By the tariff that was in force at the start. None: no tariff fits the site; see the board Revenue and tariffs.', at: [15, 0, 3, 4], noValue: 'no tariff' })
        .decimals(2)
        .withTarget(sql(`SELECT currency, cost FROM (${SESSION}) WHERE cost IS NOT NULL`)),
    )
    .withPanel(
      place(word(SEVERITIES), { id: 7, title: 'Severity', description: 'Of its last score. Warning and critical want a look at curve and reasons below.', at: [18, 0, 3, 4], noValue: 'not scored' })
        .withTarget(sql(`SELECT severity FROM (${SCORE})`)),
    )
    .withPanel(
      place(number('none'), { id: 8, title: 'Score', description: 'How rare a session like this is: 0 as always, 1 never seen; 0.999 is one in a thousand.', at: [21, 0, 3, 4], noValue: 'not scored' })
        .decimals(4)
        .withTarget(sql(`SELECT score FROM (${SCORE})`)),
    )
    .withPanel(
      place(tableOf(['Station', 'Site', 'Connector', 'Started', 'Ended', 'Stop']), { id: 9, title: 'Facts', description: 'Who, where, when. The user is the begin of the token\'s keyed hash. "Inferred": its end was not said, but followed from what came later.', at: [0, 4, 24, 3] })
        .withTarget(
          sql(`SELECT station AS "Station", site AS "Site", ${CONNECTOR} AS "Connector", left(token_hash, 8) AS "User", vehicle_model AS "Vehicle", started_at AS "Started", ended_at AS "Ended",
            stop_reason AS "Stop", tariff AS "Tariff", inferred AS "Inferred", samples AS "Samples", source AS "Source", flags AS "Flags" FROM (${SESSION})`),
        ),
    );
}

function curves(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const curve = (id: number, at: [number, number, number, number], title: string, unit: string, columns: string, where: string, description: string, noValue: string) =>
    place(lines(unit), { id, title, description, at, noValue })
      .interval('1s')
      .withTarget(sql(`SELECT ts AS time, ${columns} ${METERED} AND ${where} ORDER BY ts LIMIT 20000`, 'timeseries'));
  const phases = (column: string) => `coalesce(phase, 'all') AS phase, ${column}`;
  return builder
    .withRow(heading(100, 'Meter curve', 7))
    .withPanel(
      curve(10, [0, 8, 12, 9], 'Power', 'watt', 'power_w AS power', "phase IS NULL AND power_w IS NOT NULL AND coalesce(location, 'Outlet') = 'Outlet'", 'What the vehicle got. It falls when the battery is nearly full; steps down earlier are limits or heat; 0 with the state "charging" is a fault of vehicle or station.', 'no power was metered: the session came as a whole, or the station does not meter it').min(0),
    )
    .withPanel(
      place(lines('watth'), { id: 11, title: 'Energy, over time', description: 'The register since the session\'s begin. It never falls; a jump is an exchanged meter or a wrong factor.', at: [12, 8, 12, 9], noValue: 'no register was metered: the session came as a whole' })
        .interval('1s')
        .min(0)
        .withTarget(sql(`SELECT m.ts AS time, m.energy_wh - s.meter_start_wh AS energy FROM (SELECT ts, energy_wh, session_id ${METERED} AND energy_wh IS NOT NULL AND phase IS NULL) m
          JOIN (SELECT session_id, meter_start_wh FROM (${SESSION})) s ON m.session_id = s.session_id ORDER BY time LIMIT 20000`, 'timeseries')),
    )
    .withPanel(curve(12, [0, 17, 8, 8], 'Current by phase', 'amp', phases('current_a'), 'current_a IS NOT NULL', 'One phase alone: the vehicle charges on one phase, or a fuse is gone.', 'the station does not meter current').min(0).displayName(label('phase')))
    .withPanel(curve(13, [8, 17, 8, 8], 'Voltage by phase', 'volt', phases('voltage_v'), 'voltage_v IS NOT NULL', 'It sinks a little under load; many volts mean thin or long cables.', 'the station does not meter voltage').displayName(label('phase')))
    .withPanel(curve(14, [16, 17, 4, 8], 'Temperature', 'celsius', 'temperature_c AS temperature', 'temperature_c IS NOT NULL', 'What the station says of its inside. Over 60 °C it throttles or stops.', 'not metered'))
    .withPanel(curve(15, [20, 17, 4, 8], 'Charge of the battery', 'percentunit', 'soc_ratio AS charge', 'soc_ratio IS NOT NULL', 'What the vehicle says; AC stations cannot know it.', 'not told').min(0).max(1))
    .withPanel(
      place(lines('locale'), { id: 16, title: 'Price so far, over time', description: 'Energy, minutes and session fee by the tariff that was in force at the start, without the fee for idle minutes, which is added at the end. Currency: see Price so far.', at: [0, 25, 12, 8], noValue: 'no tariff, or no register metered' })
        .interval('1s')
        .min(0)
        .decimals(2)
        .withTarget(
          sql(`SELECT m.ts AS time, coalesce(t.per_session, 0) + coalesce(t.per_kwh, 0) * (m.energy_wh - s.meter_start_wh) / 1000 + coalesce(t.per_minute, 0) * datediff('s', s.started_at, m.ts) / 60.0 AS price
            FROM (SELECT ts, energy_wh, session_id ${METERED} AND energy_wh IS NOT NULL AND phase IS NULL) m
            JOIN (SELECT session_id, started_at, meter_start_wh, tariff, tariff_revision FROM (${SESSION})) s ON m.session_id = s.session_id
            JOIN tariffs t ON s.tariff = t.tariff AND s.tariff_revision = t.revision ORDER BY time LIMIT 20000`, 'timeseries'),
        ),
    );
}

const wide = (value: number) => ({ id: 'custom.width', value });

/** The reasons are a JSON array; at most six count. */
const REASONS = Array.from({ length: 6 }, (_, at) => {
  const get = (name: string) => `json_extract(reasons, '$[${at}].${name}')`;
  return `SELECT ${get('text')} AS "Text", ${get('share')}::double AS "Share", ${get('observed_value')}::double AS "Observed",
    ${get('usual_low_value')}::double AS "Usual from", ${get('usual_high_value')}::double AS "Usual to", ${get('unit')} AS "Unit",
    concat(${get('baseline')}, ' ', left(coalesce(${get('baseline_id')}, ''), 8)) AS "Usual for" FROM (${SCORE})`;
}).join(' UNION ALL ');

function reasons(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withPanel(
      place(word({}), { id: 17, title: 'Why, in words', description: 'The most important finding and how rare it is. A rule\'s finding (impossible values) is certain; "unusual" is the model\'s opinion.', at: [12, 25, 12, 8], noValue: RUNNING })
        .text(new common.VizTextDisplayOptionsBuilder().valueSize(18))
        .withTarget(sql(`SELECT text FROM (${SCORE})`)),
    )
    .withRow(heading(101, 'Score, and what is usual here', 33))
    .withPanel(
      place(
        tableOf(['Text', 'Share', 'Observed', 'Usual from', 'Usual to', 'Unit', 'Usual for'], { Share: [{ id: 'unit', value: 'percentunit' }, { id: 'decimals', value: 0 }, { id: 'min', value: 0 }, { id: 'max', value: 1 }, { id: 'custom.width', value: 120 }, { id: 'custom.cellOptions', value: { type: 'gauge', mode: 'basic' } }], Observed: [wide(90)], 'Usual from': [wide(95)], 'Usual to': [wide(90)], Unit: [wide(60)], 'Usual for': [wide(150)] }),
        { id: 18, title: 'Contributions', description: 'What made the score, the most important first, with what is usual for this user, this station, its site or the fleet. A usual session has none.', at: [0, 34, 24, 8], noValue: 'nothing unusual, or not scored' },
      ).withTarget(sql(`SELECT * FROM (${REASONS}) WHERE "Text" IS NOT NULL`)),
    )
    .withPanel(
      place(tableOf(['Of', 'Sessions', 'Energy', 'Duration', 'Idle', 'Maximum power'], { Of: [wide(160)] }), { id: 19, title: 'What is usual', description: 'Medians of the 90 days before, for this user, this station and this site, beside the session itself.', at: [0, 42, 24, 6] })
        .withTarget(sql([
          ['this session', IT],
          ['this user', `token_hash IN (SELECT token_hash FROM sessions WHERE ${IT} LIMIT 1)`],
          ['this station', `station IN (SELECT station FROM sessions WHERE ${IT} LIMIT 1)`],
          ['this site', `site IN (SELECT site FROM sessions WHERE ${IT} LIMIT 1)`],
        ].map(([name, where]) => `SELECT '${name}' AS "Of", count() AS "Sessions", approx_percentile(energy_wh, 0.5) AS "Energy", approx_percentile(duration_s, 0.5) AS "Duration",
          approx_percentile(idle_s, 0.5) AS "Idle", approx_percentile(max_power_w, 0.5) AS "Maximum power" FROM sessions WHERE ts > dateadd('d', -90, $__toTime) AND ${where}`).join(' UNION ALL '))),
    );
}

export function session(): dashboard.Dashboard {
  const start = board({
    uid: 'ampwarden-session',
    title: 'Session',
    description: 'One session: its meter curve, its price, its score, and why.',
    version: 1,
    from: 'now-3h',
    site: false,
  });
  const chosen = choice(start, 'session', 'Session', `
    SELECT cast(session_id AS varchar) AS id, concat(to_str(started_at, 'MM-dd HH:mm'), ' ', station) AS name FROM sessions
    WHERE ts > dateadd('d', -1, now()) AND samples > 0 ORDER BY ts DESC LIMIT 200`, false);
  return reasons(curves(facts(chosen))).build();
}
