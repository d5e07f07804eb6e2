{{- define "tempost.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "tempost.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "tempost.labels" -}}
{{ include "tempost.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "tempost.image" -}}
{{ required "image.repository: required, the image that you built from the Dockerfile" .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The fleet of a priority (priority) that an older build (build; empty: workers without one) still has. */}}
{{- define "tempost.olderFleet" -}}
worker-{{ .priority }}-{{ .build | default "none" | lower | replace "." "-" | replace "_" "-" | replace "+" "-" | trunc 30 | trimSuffix "-" }}
{{- end }}

{{/* The components of all workers, as a JSON array. */}}
{{- define "tempost.workers" -}}
{{- $workers := list "worker-critical" "worker-medium" "worker-low" }}
{{- range $older := .Values.olderBuilds }}
{{- range $priority := list "critical" "medium" "low" }}
{{- $workers = append $workers (include "tempost.olderFleet" (dict "priority" $priority "build" $older.build)) }}
{{- end }}
{{- end }}
{{- toJson $workers }}
{{- end }}

{{- define "tempost.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "tempost.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* What leads to the database: all that a migration needs. */}}
{{- define "tempost.databaseEnv" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required "database.urlSecret.name: required, the Secret with the address of PostgreSQL" .Values.database.urlSecret.name }}
      key: {{ .Values.database.urlSecret.key }}
{{- with .Values.database.sslMode }}
- { name: PGSSLMODE, value: {{ . | quote }} }
{{- end }}
{{- if .Values.database.caSecret.name }}
- { name: NODE_EXTRA_CA_CERTS, value: /etc/tempost/database/{{ .Values.database.caSecret.key }} }
{{- end }}
{{- end }}

{{- define "tempost.databaseMount" -}}
{{- if .Values.database.caSecret.name }}
- { name: database-ca, mountPath: /etc/tempost/database, readOnly: true }
{{- end }}
{{- end }}

{{- define "tempost.databaseVolume" -}}
{{- with .Values.database.caSecret }}
{{- if .name }}
- name: database-ca
  secret: { secretName: {{ .name }}, items: [{ key: {{ .key }}, path: {{ .key }} }] }
{{- end }}
{{- end }}
{{- end }}

{{/* How many e-mails of a priority may be on their way, over the largest fleet. */}}
{{- define "tempost.inFlight" -}}
{{ mul .inFlight (.maxReplicas | default .replicas) }}
{{- end }}

{{- define "tempost.temporalPort" -}}
{{ regexFind "[0-9]+$" (required "temporal.address: required, as host:port" .Values.temporal.address) }}
{{- end }}
