{{/*
A process's pods: a dict of root, component, args, port (of its service; 0: none), values (replicas, resources …),
graceSeconds.
*/}}
{{- define "tempost.deployment" -}}
{{- $root := .root }}
{{- $name := printf "%s-%s" (include "tempost.fullname" $root) .component }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels: {{- include "tempost.labels" . | nindent 4 }}
spec:
  {{- /* A fleet that something scales has no number here: each upgrade would undo what the autoscaler did. */}}
  {{- if not .scaled }}
  replicas: {{ .values.replicas | default .values.minReplicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  selector:
    matchLabels: {{- include "tempost.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "tempost.labels" . | nindent 8 }}
      annotations:
        # What changes the configuration replaces the pods.
        checksum/config: {{ include "tempost.config" $root | sha256sum }}
        {{- with $root.Values.podAnnotations }}{{ toYaml . | nindent 8 }}{{ end }}
    spec:
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      serviceAccountName: {{ include "tempost.fullname" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext: {{- include "tempost.podSecurity" $root | nindent 8 }}
      terminationGracePeriodSeconds: {{ .graceSeconds }}
      topologySpreadConstraints: {{- include "tempost.spread" . | nindent 8 }}
      {{- with $root.Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - {{- include "tempost.container" . | nindent 10 }}
      volumes: {{- include "tempost.volumes" $root | nindent 8 }}
{{- end }}

{{/* On different nodes and in different zones, as far as there are some: a pod is better beside another than nowhere. */}}
{{- define "tempost.spread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ $key }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "tempost.selector" $ | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{- define "tempost.container" -}}
{{- $root := .root -}}
name: {{ .component }}
image: {{ if .tag }}{{ printf "%s:%s" $root.Values.image.repository .tag | quote }}{{ else }}{{ include "tempost.image" $root | quote }}{{ end }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
args: {{ toJson .args }}
env: {{- include "tempost.databaseEnv" $root | nindent 2 }}
  {{- with .build }}
  - { name: WORKER_BUILD_ID, value: {{ . | quote }} }
  {{- end }}
  {{- with $root.Values.temporal.apiKeySecret }}
  {{- if .name }}
  - { name: TEMPORAL_API_KEY, valueFrom: { secretKeyRef: { name: {{ .name }}, key: {{ .key }} } } }
  {{- end }}
  {{- end }}
envFrom:
  - configMapRef: { name: {{ include "tempost.fullname" $root }} }
  - secretRef: { name: {{ required "secret.name: required, a Secret whose keys are variables" $root.Values.secret.name }} }
ports:
  {{- if .port }}
  - { name: http, containerPort: {{ .port }} }
  {{- end }}
  - { name: metrics, containerPort: {{ $root.Values.metrics.port }} }
{{- include "tempost.probes" . }}
resources: {{- toYaml .values.resources | nindent 2 }}
securityContext: {{- include "tempost.containerSecurity" $root | nindent 2 }}
volumeMounts: {{- include "tempost.mounts" $root | nindent 2 }}
{{- end }}

{{- /* Api and webhooks are asked where they serve, so that a pod is ready for what comes there; the others on METRICS_PORT. */}}
{{- define "tempost.probes" -}}
{{- $port := .port | default .root.Values.metrics.port }}
startupProbe: { httpGet: { path: /healthz, port: {{ $port }} }, periodSeconds: 2, failureThreshold: 60 }
livenessProbe: { httpGet: { path: /healthz, port: {{ $port }} }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }
readinessProbe: { httpGet: { path: /readyz, port: {{ $port }} }, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 3 }
{{- end }}

{{- define "tempost.mounts" -}}
- { name: tmp, mountPath: /tmp }
{{- include "tempost.databaseMount" . }}
{{- if .Values.temporal.tls.secret }}
- { name: temporal-tls, mountPath: /etc/tempost/temporal, readOnly: true }
{{- end }}
{{- if .Values.attachments.existingClaim }}
- { name: attachments, mountPath: /var/lib/tempost/attachments }
{{- end }}
{{- end }}

{{- define "tempost.volumes" -}}
- { name: tmp, emptyDir: { sizeLimit: 256Mi } }
{{- include "tempost.databaseVolume" . }}
{{- with .Values.temporal.tls.secret }}
- { name: temporal-tls, secret: { secretName: {{ . }} } }
{{- end }}
{{- with .Values.attachments.existingClaim }}
- { name: attachments, persistentVolumeClaim: { claimName: {{ . }} } }
{{- end }}
{{- end }}
