//! Give a station a list of tokens for when it is offline.

use rust_ocpp::v1_6::messages::send_local_list as v16;
use rust_ocpp::v1_6::types::{AuthorizationData as Entry16, IdTagInfo};
use rust_ocpp::v2_0_1::datatypes::authorization_data::AuthorizationData as Entry201;
use rust_ocpp::v2_0_1::datatypes::id_token_info_type::IdTokenInfoType;
use rust_ocpp::v2_0_1::messages::send_local_list as v201;
use serde::Deserialize;

use super::request::{Rendering, time};
use super::{CommandError, Kind, Message, token};
use crate::time::Timestamp;

pub(super) const KIND: Kind = Kind {
    name: "send_local_list",
    v16: Some("SendLocalList"),
    v2: Some("SendLocalList"),
    parameters: "`version`, `update`: Full (as if not given) or Differential, `tokens` (`token`, `token_type` (2.x), \
                 `status`, `group`, `group_type` (2.x), `until`; without `status`: removed from the list)",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    version: i32,
    update: Option<String>,
    #[serde(default)]
    tokens: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    token: String,
    token_type: Option<String>,
    status: Option<String>,
    group: Option<String>,
    group_type: Option<String>,
    until: Option<Timestamp>,
}

impl Listed {
    fn v16(self, rendering: &Rendering<'_>) -> Result<Entry16, CommandError> {
        let id_tag_info = match &self.status {
            None => None,
            Some(status) => Some(IdTagInfo {
                expiry_date: self.until.map(time),
                parent_id_tag: self.group.map(|group| token::v16(rendering, "group", group)).transpose()?,
                status: rendering.word("status", status)?,
            }),
        };
        Ok(Entry16 { id_tag: token::v16(rendering, "token", self.token)?, id_tag_info })
    }

    fn v2(self, rendering: &Rendering<'_>) -> Result<Entry201, CommandError> {
        let kind = self.token_type.as_deref();
        let group_kind = self.group_type.as_deref().or(kind);
        let id_token_info = match &self.status {
            None => None,
            Some(status) => Some(IdTokenInfoType {
                status: rendering.word("status", status)?,
                cache_expiry_date_time: self.until.map(time),
                group_id_token: self
                    .group
                    .map(|group| token::v2(rendering, "group", group, group_kind))
                    .transpose()?,
                ..IdTokenInfoType::default()
            }),
        };
        Ok(Entry201 { id_token: token::v2(rendering, "token", self.token, kind)?, id_token_info })
    }
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { version, update, tokens } = rendering.read()?;
    if version < 1 {
        return rendering.wrong("version: lists are numbered from 1");
    }
    let update = update.as_deref().unwrap_or("Full");
    if rendering.is_16() {
        let list: Vec<_> = tokens.into_iter().map(|t| t.v16(rendering)).collect::<Result<_, _>>()?;
        let request = v16::SendLocalListRequest {
            list_version: version,
            local_authorization_list: (!list.is_empty()).then_some(list),
            update_type: rendering.word("update", update)?,
        };
        return rendering.message("SendLocalList", &request);
    }
    let list: Vec<_> = tokens.into_iter().map(|t| t.v2(rendering)).collect::<Result<_, _>>()?;
    let request = v201::SendLocalListRequest {
        version_number: version,
        update_type: rendering.word("update", update)?,
        local_authorization_list: (!list.is_empty()).then_some(list),
    };
    rendering.message("SendLocalList", &request)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn tokens_are_listed_or_removed() {
        let asked = r#"{"version":2,"update":"Differential","tokens":[
            {"token":"A","status":"Accepted","group":"G","until":"2027-01-01T00:00:00Z"},{"token":"B"}]}"#;
        assert_eq!(
            rendered(V16, "send_local_list", asked).1,
            r#"{"listVersion":2,"localAuthorizationList":[{"idTag":"A","idTagInfo":{"expiryDate":"2027-01-01T00:00:00Z","parentIdTag":"G","status":"Accepted"}},{"idTag":"B"}],"updateType":"Differential"}"#
        );
        assert_eq!(
            rendered(V201, "send_local_list", asked).1,
            r#"{"localAuthorizationList":[{"idToken":{"idToken":"A","type":"ISO14443"},"idTokenInfo":{"cacheExpiryDateTime":"2027-01-01T00:00:00.000Z","groupIdToken":{"idToken":"G","type":"ISO14443"},"status":"Accepted"}},{"idToken":{"idToken":"B","type":"ISO14443"}}],"updateType":"Differential","versionNumber":2}"#
        );
        assert!(refused(V16, "send_local_list", r#"{"version":0}"#).contains("numbered from 1"));
    }
}
