// Settings and audit: what is in force, and who changed what when.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, place } from './board.js';
import { number } from './panels.js';
import { instant, sql } from './query.js';
import { tableOf } from './tables.js';

export function settings(): dashboard.Dashboard {
  const value = { Value: [{ id: 'custom.minWidth', value: 300 }, { id: 'custom.inspect', value: true }], By: [{ id: 'custom.width', value: 110 }], Scope: [{ id: 'custom.width', value: 100 }], Key: [{ id: 'custom.width', value: 190 }] };
  return board({ uid: 'ampwarden-settings', title: 'Settings and audit', description: 'What is in force, and who changed what when.', version: 1, from: 'now-7d', site: false })
    .withPanel(
      place(number(), { id: 1, title: 'In force', description: 'Settings in force by collection, as the gateway has them. Change them with "ampwarden sites | stations | tariffs | tokens | limits | settings" or the HTTP API.', at: [0, 0, 14, 4] })
        .textMode(common.BigValueTextMode.ValueAndName)
        .withTarget(instant('sum by (collection) (ampwarden_settings_revisions)', '{{collection}}')),
    )
    .withPanel(
      place(number(), { id: 2, title: 'Changes', description: 'Settings that were changed in the time range, imports of stations and sites included.', at: [14, 0, 5, 4] })
        .withTarget(sql('SELECT count() AS v FROM settings WHERE $__timeFilter(ts)')),
    )
    .withPanel(
      place(number(), { id: 3, title: 'In maintenance', description: 'Stations in maintenance, by themselves or by their site: alerts leave them out. Forgotten ones hide real faults.', at: [19, 0, 5, 4] })
        .withTarget(instant('sum(ampwarden_station_maintenance)', 'stations')),
    )
    .withPanel(
      place(tableOf(['Site', 'Grid limit', 'By'], { By: value.By }), { id: 4, title: 'Sites and limits', description: 'Sites with their time zone, currency and grid limit. No limit: "ampwarden limits set SITE".', at: [0, 4, 14, 7], noValue: 'no site is known' })
        .withTarget(sql(`SELECT i.site AS "Site", i.name AS "Name", i.time_zone AS "Time zone", i.currency AS "Currency", i.maintenance AS "Maintenance", l.grid_limit_w AS "Grid limit", l.author AS "By"
          FROM sites i LEFT JOIN (SELECT site, grid_limit_w, author FROM limits LATEST ON ts PARTITION BY site) l ON i.site = l.site ORDER BY i.site`)),
    )
    .withPanel(
      place(tableOf(['Since'], {}), { id: 5, title: 'Tokens', description: 'Registered cards and app users by status. Their numbers are nowhere, only keyed hashes. "ampwarden tokens" registers, blocks and groups them.', at: [14, 4, 10, 7], noValue: 'no token is registered' })
        .withTarget(sql(`SELECT status AS "Status of tokens", count() AS "Tokens", max(ts) AS "Since" FROM (SELECT * FROM tokens LATEST ON ts PARTITION BY token_hash) GROUP BY status ORDER BY status`)),
    )
    .withPanel(
      place(tableOf(['Since', 'Key', 'Value', 'Revision', 'By'], value), { id: 6, title: 'Values of the gateway', description: 'Single settings by key, the last value of each. "ampwarden settings set KEY VALUE" changes them; docs/configuration.md says what each means.', at: [0, 11, 24, 6], noValue: 'all at their defaults' })
        .withTarget(sql(`SELECT ts AS "Since", key AS "Key", value AS "Value", revision AS "Revision", author AS "By" FROM (
            SELECT *, row_number() OVER (PARTITION BY key ORDER BY ts DESC) AS place FROM settings WHERE scope NOT IN ('sites', 'stations', 'tariffs', 'tokens', 'limits')
          ) WHERE place = 1 ORDER BY key LIMIT 200`)),
    )
    .withPanel(
      place(tableOf(['Time', 'Scope', 'Key', 'Value', 'Revision', 'By'], value), { id: 7, title: 'Who changed what', description: 'The last 300 changes of the time range, the newest first, with the revision that each made. Nothing here is ever deleted.', at: [0, 17, 24, 13], noValue: 'nothing was changed in this time range' })
        .withTarget(sql('SELECT ts AS "Time", author AS "By", scope AS "Scope", key AS "Key", value AS "Value", revision AS "Revision" FROM settings WHERE $__timeFilter(ts) ORDER BY ts DESC LIMIT 300')),
    )
    .build();
}
