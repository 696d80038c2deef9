{{/* The release's name, unless it says "ampwarden" already. */}}
{{- define "ampwarden.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
What selects a process's pods. A selector can never be changed: nothing that an upgrade changes may stand here.
(dict "root" $ "component" "gateway")
*/}}
{{- define "ampwarden.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "ampwarden.labels" -}}
{{ include "ampwarden.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: ampwarden
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "ampwarden.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "ampwarden.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "ampwarden.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- define "ampwarden.secretName" -}}
{{- required "existingSecret is not set: make a Secret with the keys secret-key and questdb-password, and name it there (values.yaml says how)" .Values.existingSecret -}}
{{- end -}}

{{/* What all containers share. (dict "root" $ "resources" …) */}}
{{- define "ampwarden.container" -}}
image: {{ include "ampwarden.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml .root.Values.securityContext | nindent 2 }}
{{- with .root.Values.settings }}
env:
  {{- range $name, $value := . }}
  - name: {{ $name }}
    value: {{ $value | toString | quote }}
  {{- end }}
{{- end }}
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end -}}

{{/* Liveness is not readiness: a full journal or a store that is down fails the second only, where it fails any. */}}
{{- define "ampwarden.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 5
  timeoutSeconds: 3
{{- end -}}

{{/* What all pods share. (dict "root" $ "component" … "values" …) */}}
{{- define "ampwarden.pod" -}}
serviceAccountName: {{ include "ampwarden.serviceAccountName" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Labels and annotations of a pod; a changed configuration rolls it. */}}
{{- define "ampwarden.podMetadata" -}}
labels:
  {{- include "ampwarden.labels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ include "ampwarden.config" .root | sha256sum }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "ampwarden.configMounts" -}}
- name: config
  mountPath: /etc/ampwarden
  readOnly: true
- name: secrets
  mountPath: /run/secrets/ampwarden
  readOnly: true
{{- end -}}

{{/* (dict "root" $ "configMap" name) */}}
{{- define "ampwarden.configVolumes" -}}
- name: config
  configMap:
    name: {{ .configMap }}
- name: secrets
  secret:
    secretName: {{ include "ampwarden.secretName" .root }}
    # Read through the pod's group, by nobody else.
    defaultMode: 0440
{{- end -}}
