//! Profiles: what is usual for one user, station or site.

use proto::anomaly::v1 as api;
use tonic::Status;

use super::errors::{invalid, not_stored_yet, of_store};
use super::{Api, convert};
use crate::profile::Profile;
use crate::session::Session;
use crate::usual::Scope;

/// Longest id that is looked for, in bytes.
const ID_MAX: usize = 256;

/// Reads `users/{hash}/profile` and its like.
#[allow(clippy::result_large_err)]
fn parse(name: &str) -> Result<(Scope, &str), Status> {
    let inner = name.strip_suffix("/profile");
    let found = inner.and_then(|inner| {
        [("users/", Scope::User), ("stations/", Scope::Station), ("sites/", Scope::Site)]
            .into_iter()
            .find_map(|(prefix, scope)| Some((scope, inner.strip_prefix(prefix)?)))
    });
    match found {
        Some((scope, id)) if !id.trim().is_empty() && id.len() <= ID_MAX => Ok((scope, id)),
        _ => Err(invalid(
            "name",
            "must read users/{token_hash}/profile, stations/{station}/profile or sites/{site}/profile, with an id of \
             1 to 256 bytes",
        )),
    }
}

impl Api {
    pub(super) async fn profile(&self, request: api::GetProfileRequest) -> Result<api::Profile, Status> {
        let (scope, id) = parse(&request.name)?;
        let places = (self.places)();
        let read = Profile::read(&self.reader, &places, scope, id, crate::now()).await;
        let profile =
            read.map_err(|e| of_store(&e))?.ok_or_else(|| not_stored_yet("profile", &request.name))?;
        let scorer = self.scorer.load();
        let of = |wanted: Scope| (wanted == scope).then(|| id.to_owned());
        let mut session = Session {
            station: of(Scope::Station).unwrap_or_default(),
            site: of(Scope::Site),
            user: of(Scope::User),
            ..Session::default()
        };
        places.fill(&mut session);
        let usual = scorer.artefact().map(|a| a.model.usual(&session, scope)).unwrap_or_default();
        Ok(api::Profile {
            text: profile.text(scope),
            name: request.name,
            session_count: profile.sessions,
            first_session_time: Some(convert::to_time(profile.first)),
            last_session_time: Some(convert::to_time(profile.last)),
            mean_energy_wh: profile.energy_wh,
            mean_duration_s: profile.duration_s,
            mean_power_w: profile.power_w,
            station_count: profile.stations,
            user_count: profile.users,
            sessions_per_week: profile.per_week,
            daily_energy_wh: profile.daily_wh,
            weekly_energy_wh: profile.daily_wh.map(|wh| 7.0 * wh),
            preferred_period: profile.period.unwrap_or_default().to_owned(),
            usual: usual
                .into_iter()
                .map(|(feature, [low_value, median_value, high_value], sessions)| api::UsualRange {
                    feature: feature.label().to_owned(),
                    display_name: feature.words().to_owned(),
                    unit: feature.unit().to_owned(),
                    low_value,
                    median_value,
                    high_value,
                    session_count: i64::from(sessions),
                })
                .collect(),
            model: format!("models/{}", scorer.version()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_profile() {
        assert!(matches!(parse("stations/CP-1/profile"), Ok((Scope::Station, "CP-1"))));
        assert!(matches!(parse("users/ab12/profile"), Ok((Scope::User, "ab12"))));
        for bad in ["", "stations/CP-1", "stations//profile", "sites/ /profile", "fleet/profile", "/profile"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!("sites/{}/profile", "x".repeat(257))).is_err());
    }
}
