{{- define "ampwarden.config" -}}
# Rendered by the chart. What it does not know is set by .Values.settings, as AMPWARDEN__… variables.
[log]
level = {{ .Values.log.level | quote }}
format = {{ .Values.log.format | quote }}

[secrets]
key = { file = "/run/secrets/ampwarden/secret-key" }

[store]
http = "http://{{ .Values.store.host }}:{{ .Values.store.httpPort }}"

[store.pg]
host = {{ .Values.store.host | quote }}
port = {{ .Values.store.pgPort }}
user = {{ .Values.store.user | quote }}
password = { file = "/run/secrets/ampwarden/questdb-password" }
{{ range .Values.apiTokens }}
[[api.tokens]]
name = {{ .name | quote }}
scopes = {{ .scopes | toJson }}
hash = {{ .hash | quote }}
{{ end }}
{{- end -}}
