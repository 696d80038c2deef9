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

[gateway]
name = {{ include "ampwarden.fullname" . | quote }}
api_listen = "0.0.0.0:8080"
admin = { listen = "0.0.0.0:9464" }
journal = { folder = "/var/lib/ampwarden/journal" }

[gateway.ocpp]
listen = "0.0.0.0:8887"
security_profiles = {{ .Values.gateway.securityProfiles | toJson }}
{{- if .Values.gateway.tls.secretName }}
tls_listen = "0.0.0.0:8888"
tls = { certificate = "/run/secrets/tls/tls.crt", key = "/run/secrets/tls/tls.key"{{ if .Values.gateway.tls.clientCa }}, client_ca = "/run/secrets/tls/ca.crt"{{ end }} }
{{- end }}

[gateway.mqtt]
listen = "0.0.0.0:1883"
{{- if .Values.gateway.tls.secretName }}
tls_listen = "0.0.0.0:8883"
tls = { certificate = "/run/secrets/tls/tls.crt", key = "/run/secrets/tls/tls.key" }
{{- end }}

[exporter]
admin = { listen = "0.0.0.0:9465" }

[anomaly]
admin = { listen = "0.0.0.0:9466" }
# Whoever reaches it may ask it, unless there are tokens: so without them it is reached in its own pod only.
grpc = { listen = "{{ if .Values.apiTokens }}0.0.0.0{{ else }}127.0.0.1{{ end }}:50051" }
training = { folder = "/var/lib/ampwarden/models" }
{{ range .Values.apiTokens }}
[[api.tokens]]
name = {{ .name | quote }}
scopes = {{ .scopes | toJson }}
hash = {{ .hash | quote }}
{{ end }}
{{- end -}}
