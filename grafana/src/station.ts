// Station: what one station does, what it said, what is wrong with it and what was done about it.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, choice, heading, place, station as stationVariable } from './board.js';
import { CONNECTOR_STATUSES, GREEN, numberWords, ORANGE, RED, STATION_STATES, thresholds, YELLOW } from './look.js';
import { label, lines, number, stateCode, timeline, word } from './panels.js';
import { AT_CONNECTOR, AT_STATION, CONNECTOR, ended, instant, LIVE_COLUMNS, liveTable, lastScores, range, sql, SESSION_COLUMNS, sessionsTable } from './query.js';
import { tableOf } from './tables.js';

const HERE = 'station="$station"';

function now(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withPanel(
      place(number('none'), { id: 1, title: 'Connection', description: 'Whether the station has a connection on a gateway that lives. Not connected: is its site offline as well? Its connections below say how the last one ended.', at: [0, 0, 4, 4], noValue: 'never connected' })
        .mappings(numberWords({ 0: ['offline', ORANGE], 1: ['connected', GREEN], 2: ['unknown', YELLOW] }))
        .withTarget(instant(`max(ampwarden_station_connected{${HERE}}) + 2 * (1 - max(ampwarden_station_connection_state_known{${HERE}}))`, 'connection')),
    )
    .withPanel(
      place(word(STATION_STATES), { id: 2, title: 'State', description: 'What the station said last. It says nothing while it is offline: look at Connection first.', at: [4, 0, 4, 4] })
        .withTarget(sql(`SELECT state FROM station_now WHERE ${AT_STATION}`)),
    )
    .withPanel(
      place(number('watt'), { id: 3, title: 'Power now', description: 'What the station delivers; nothing when it was not heard of for 15 minutes.', at: [8, 0, 4, 4] })
        .decimals(1)
        .graphMode(common.BigValueGraphMode.Area)
        .withTarget(range(`sum(ampwarden_station_power_watts{${HERE}})`, 'power')),
    )
    .withPanel(
      place(number('s'), { id: 4, title: 'Last heard of', description: 'How long ago the station said anything. Longer than its heartbeat interval: it or its network is gone, even if the socket still stands.', at: [12, 0, 4, 4] })
        .decimals(0)
        .thresholds(thresholds(GREEN, [900, ORANGE], [3600, RED]))
        .withTarget(instant(`time() - max(ampwarden_station_last_seen_timestamp_seconds{${HERE}} > 0)`, 'ago')),
    )
    .withPanel(
      place(number(), { id: 5, title: 'Sessions', description: 'Sessions that ended in the time range. None where there are usually some: is a connector blocked or faulted, are cards refused?', at: [16, 0, 4, 4] })
        .withTarget(sql(`SELECT count() AS sessions FROM (${ended(AT_STATION)})`)),
    )
    .withPanel(
      place(number(), { id: 6, title: 'Suspicious sessions', description: 'Sessions of the time range that were scored warning or critical. Their reasons are in the table of sessions.', at: [20, 0, 4, 4] })
        .thresholds(thresholds(GREEN, [1, ORANGE]))
        .withTarget(sql(`SELECT sum(CASE WHEN severity IN ('warning', 'critical') THEN 1 ELSE 0 END) AS suspicious, count() AS scored FROM (${lastScores(3)}) WHERE ${AT_STATION} AND $__timeFilter(ended_at)`))
        .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('suspicious')),
    )
    .withPanel(
      place(tableOf(['Site', 'Rated power', 'Since', 'Seen']), { id: 7, title: 'About', description: 'What operators and the station itself said of it. Nothing in Name and Rated power: register it with "ampwarden stations set".', at: [0, 4, 24, 3] })
        .withTarget(
          sql(`
            SELECT s.name AS "Name", n.site AS "Site", n.vendor AS "Vendor", n.model AS "Model", n.firmware AS "Firmware", n.protocol AS "Protocol",
              s.rated_power_w AS "Rated power", s.charger_type AS "Kind", n.connectors AS "Connectors", n.connected_at AS "Since", n.last_seen_at AS "Seen"
            FROM station_now n LEFT JOIN stations s ON n.station = s.station WHERE n.${AT_STATION}`),
        ),
    )
    .withPanel(
      place(tableOf(LIVE_COLUMNS), { id: 8, title: 'Live sessions', description: 'Sessions that run at this station, with what they have cost so far. Hours without power: the vehicle is full, or the session is stuck; "ampwarden command" stops it.', at: [0, 7, 24, 5], noValue: 'no session runs here now' })
        .withTarget(sql(liveTable(`${AT_STATION} AND ${AT_CONNECTOR}`))),
    );
}

/** Statuses in the range, and the one that was in force at its begin, if it is of the month before. */
const STATUSES = `
  SELECT time, connector, ${stateCode(CONNECTOR_STATUSES, 'status')} AS status FROM (
    SELECT $__fromTime AS time, ${CONNECTOR} AS connector, status FROM (
      SELECT * FROM connector_status WHERE ${AT_STATION} AND ${AT_CONNECTOR} AND ts > dateadd('d', -30, $__fromTime) AND ts < $__fromTime
      LATEST ON ts PARTITION BY evse, connector)
    UNION ALL
    SELECT ts AS time, ${CONNECTOR} AS connector, status FROM connector_status
    WHERE ${AT_STATION} AND ${AT_CONNECTOR} AND $__timeFilter(ts)
  ) ORDER BY time LIMIT -5000`;

function measured(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const METERED = `FROM meter_values WHERE ${AT_STATION} AND ${AT_CONNECTOR} AND $__timeFilter(ts)`;
  const byPhase = (column: string) =>
    sql(`SELECT timestamp_floor('$__sampleByInterval', ts) AS time, ${CONNECTOR} AS connector, coalesce(phase, 'all') AS phase, avg(${column}) AS value
         ${METERED} AND ${column} IS NOT NULL GROUP BY time, connector, phase ORDER BY time`, 'timeseries');
  return builder
    .withRow(heading(100, 'Connectors and meters', 12))
    .withPanel(
      place(timeline(CONNECTOR_STATUSES, 'connector'), { id: 9, title: 'Connector states', description: 'What each connector reported, in the words of OCPP. Long in "finishing" or "suspended_ev": a vehicle blocks it. "Faulted": the codes are in the table of faults.', at: [0, 13, 24, 6], noValue: 'no status was ever reported' })
        .withTarget(sql(STATUSES, 'timeseries')),
    )
    .withPanel(
      place(lines('watt'), { id: 10, title: 'Power', description: 'Power by connector, a mean over each step. Flat below the rating: a limit, a hot cable, or a full battery.', at: [0, 19, 12, 8], noValue: 'no power was metered' })
        .min(0)
        .interval('1m')
        .displayName(label('connector'))
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', ts) AS time, ${CONNECTOR} AS connector, avg(power_w) AS power FROM connector_power_1m
          WHERE ${AT_STATION} AND ${AT_CONNECTOR} AND $__timeFilter(ts) GROUP BY time, connector ORDER BY time`, 'timeseries')),
    )
    .withPanel(
      place(lines('amp'), { id: 11, title: 'Current by phase', description: 'By connector and phase. One phase apart from the others: a vehicle that charges on one phase, a blown fuse, or a loose clamp.', at: [12, 19, 12, 8], noValue: 'the station does not meter current' })
        .min(0)
        .interval('1m')
        .displayName(label('connector', 'phase'))
        .withTarget(byPhase('current_a')),
    )
    .withPanel(
      place(lines('volt'), { id: 12, title: 'Voltage by phase', description: 'By connector and phase. Under 207 V or over 253 V in a 230 V network: talk to the network operator.', at: [0, 27, 8, 8], noValue: 'the station does not meter voltage' })
        .interval('1m')
        .displayName(label('connector', 'phase'))
        .withTarget(byPhase('voltage_v')),
    )
    .withPanel(
      place(lines('celsius'), { id: 13, title: 'Temperature', description: 'What the station says of its inside, by connector. Over 60 °C stations throttle or stop: look at fan, filter and sun.', at: [8, 27, 8, 8], noValue: 'the station does not meter temperature' })
        .interval('1m')
        .displayName(label('connector'))
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', ts) AS time, ${CONNECTOR} AS connector, max(temperature_c) AS temperature
          ${METERED} AND temperature_c IS NOT NULL GROUP BY time, connector ORDER BY time`, 'timeseries')),
    )
    .withPanel(
      place(lines('watth'), { id: 14, title: 'Meter readings', description: 'The energy registers. They never fall: a step down is an exchanged or faulty meter, and its sessions have wrong energies.', at: [16, 27, 8, 8], noValue: 'no reading in this time range' })
        .interval('1m')
        .decimals(2)
        .displayName(label('connector'))
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', ts) AS time, ${CONNECTOR} AS connector, max(energy_wh) AS register
          ${METERED} AND energy_wh IS NOT NULL AND phase IS NULL GROUP BY time, connector ORDER BY time`, 'timeseries')),
    );
}

function happened(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(heading(101, 'Sessions and faults', 35))
    .withPanel(
      place(tableOf(SESSION_COLUMNS), { id: 15, title: 'Sessions that ended', description: 'The last 100 of the time range with score and reason. A click on the session opens its meter curve.', at: [0, 36, 24, 9], noValue: 'no session ended here in this time range' })
        .withTarget(sql(sessionsTable(`${AT_STATION} AND ${AT_CONNECTOR}`, 100))),
    )
    .withPanel(
      place(tableOf(['Time', 'Connector', 'Status']), { id: 16, title: 'Faults', description: 'Statuses with an error code of OCPP or of the vendor. The vendor\'s manual says what its codes mean; the runbook ConnectorFaulted what to try first.', at: [0, 45, 12, 8], noValue: 'no fault in this time range' })
        .withTarget(
          sql(`SELECT ts AS "Time", ${CONNECTOR} AS "Connector", status AS "Status", error_code AS "Error", vendor_error_code AS "Vendor's code", vendor_id AS "Vendor", info AS "Info"
            FROM connector_status WHERE ${AT_STATION} AND ${AT_CONNECTOR} AND $__timeFilter(ts) AND (status = 'faulted' OR error_code IS NOT NULL) ORDER BY ts DESC LIMIT 100`),
        ),
    )
    .withPanel(
      place(tableOf(['Time', 'Outcome']), { id: 17, title: 'Commands and outcomes', description: 'What was asked of the station, by whom, and what it answered. "unknown": no answer came in time; ask for its state before sending it again.', at: [12, 45, 12, 8], noValue: 'no command in this time range' })
        .withTarget(
          sql(`SELECT issued_at AS "Time", command AS "Command", state AS "Outcome", status AS "Answer", detail AS "Detail", author AS "By"
            FROM (SELECT *, row_number() OVER (PARTITION BY command_id ORDER BY ts DESC, n DESC) AS place FROM commands WHERE ${AT_STATION} AND $__timeFilter(ts))
            WHERE place = 1 ORDER BY issued_at DESC LIMIT 100`),
        ),
    );
}

function contact(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(heading(102, 'Connection, firmware, quality of data', 53))
    .withPanel(
      place(lines('s'), { id: 18, title: 'Silence', description: 'How long the station had said nothing, at each moment. A saw-tooth at the heartbeat interval is healthy; a ramp is an outage.', at: [0, 54, 8, 8] })
        .min(0)
        .withTarget(range(`time() - max(ampwarden_station_last_seen_timestamp_seconds{${HERE}} > 0)`, 'silence')),
    )
    .withPanel(
      place(tableOf(['Time', 'Connection']), { id: 19, title: 'Connections', description: 'When it connected and left, and why. Many short ones: a bad mobile signal, or something that cuts idle sockets.', at: [8, 54, 9, 8], noValue: 'no connect or disconnect in this time range' })
        
        .withTarget(sql(`SELECT ts AS "Time", state AS "Connection", protocol AS "Protocol", reason AS "Reason", remote AS "From" FROM connections WHERE ${AT_STATION} AND $__timeFilter(ts) ORDER BY ts DESC LIMIT 200`)),
    )
    .withPanel(
      place(tableOf(['Time']), { id: 20, title: 'Boots and firmware', description: 'What the station said of itself when it started, of all times. A change of behaviour right after a new firmware is its vendor\'s business.', at: [17, 54, 7, 8], noValue: 'it never told' })
        .withTarget(sql(`SELECT ts AS "Time", firmware AS "Firmware", model AS "Model", serial AS "Serial", boot_reason AS "Cause" FROM station_reports WHERE ${AT_STATION} ORDER BY ts DESC LIMIT 50`)),
    )
    .withPanel(
      place(lines('s'), { id: 21, title: 'Clock and delay', description: 'From the time that the station wrote on its messages to when they were journaled. Steady and far from 0: its clock is wrong; peaks: it was offline and told later.', at: [0, 62, 12, 7], noValue: 'its messages have no times' })
        .interval('1m')
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', received_at) AS time, avg(datediff('T', station_ts, received_at)) / 1000.0 AS delay
          FROM events WHERE ${AT_STATION} AND $__timeFilter(ts) AND station_ts IS NOT NULL GROUP BY time ORDER BY time`, 'timeseries')),
    )
    .withPanel(
      place(tableOf(['Time', 'Type']), { id: 22, title: 'Odd and rejected messages', description: 'Messages that were taken although they are not as the protocol wants them (flags say what), and those that could not be taken ("ampwarden rejected show" has the whole).', at: [12, 62, 12, 7], noValue: 'nothing odd in this time range' })
        .withTarget(
          sql(`SELECT * FROM (
              SELECT ts AS "Time", type AS "Type", flags AS "Flags", text AS "Text" FROM events WHERE ${AT_STATION} AND $__timeFilter(ts) AND flags IS NOT NULL
              UNION ALL SELECT ts, 'rejected', reason, detail FROM rejected WHERE ${AT_STATION} AND $__timeFilter(ts)
            ) ORDER BY "Time" DESC LIMIT 100`),
        ),
    );
}

export function station(): dashboard.Dashboard {
  const start = board({
    uid: 'ampwarden-station',
    title: 'Station',
    description: 'What one station does, what it said, what is wrong with it, and what was done about it.',
    version: 1,
    from: 'now-6h',
    site: true,
  });
  const chosen = choice(stationVariable(start, true), 'connector', 'Connector', `SELECT ${CONNECTOR} AS connector FROM connector_now WHERE ${AT_STATION} ORDER BY connector`, true);
  return contact(happened(measured(now(chosen)))).build();
}
