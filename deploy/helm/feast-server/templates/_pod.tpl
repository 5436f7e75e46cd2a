{{/* Parts of the pod. */}}

{{- define "feast-server.drainSeconds" -}}
{{- if kindIs "invalid" .Values.drainSeconds }}
{{- ternary 10 0 (eq (include "feast-server.several" .) "true") }}
{{- else }}
{{- int .Values.drainSeconds }}
{{- end }}
{{- end }}

{{- define "feast-server.gracePeriod" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds }}
{{- add (int (include "feast-server.drainSeconds" .)) 45 }}
{{- else }}
{{- int .Values.terminationGracePeriodSeconds }}
{{- end }}
{{- end }}

{{- define "feast-server.command" -}}
{{- if .Values.commandArgs }}
{{- toYaml .Values.commandArgs }}
{{- else }}
{{- $command := list "feast" }}
{{- with .Values.repositoryDir }}
{{- $command = concat $command (list "-c" .) }}
{{- end }}
{{- with .Values.logLevel }}
{{- $command = concat $command (list "--log-level" .) }}
{{- end }}
{{- $command = append $command "serve" }}
{{- if (include "feast-server.repository" . | fromJson).metrics }}
{{- $command = append $command "--metrics" }}
{{- end }}
{{- $command = concat $command (list "-h" "0.0.0.0") }}
{{- $drain := include "feast-server.drainSeconds" . }}
{{- if ne $drain "0" }}
{{- $command = concat $command (list "--drain-seconds" $drain) }}
{{- end }}
{{- /* The pod before may still be ending: one that was deleted, or whose node is away for a while. */}}
{{- if not (include "feast-server.overlaps" .) }}
{{- $command = concat $command (list "--lock-wait-seconds" (min 3600 (int (include "feast-server.gracePeriod" .)) | toString)) }}
{{- end }}
{{- if .Values.tls.secretName }}
{{- $command = concat $command (list "--key" "/etc/feast/tls/tls.key" "--cert" "/etc/feast/tls/tls.crt") }}
{{- end }}
{{- if .Values.tls.clientCaSecretName }}
{{- $command = concat $command (list "--client-ca" "/etc/feast/client-ca/ca.crt") }}
{{- end }}
{{- with .Values.tls.minVersion }}
{{- $command = concat $command (list "--tls-min-version" .) }}
{{- end }}
{{- toYaml (concat $command .Values.serveArgs) }}
{{- end }}
{{- end }}

{{/* What a command says, as JSON: [arguments, names of one of them...]. `given`, and `value`, which is empty for one without a value. */}}
{{- define "feast-server.argument" -}}
{{- $names := rest . }}
{{- $given := false }}
{{- $value := "" }}
{{- $isValue := false }}
{{- range first . }}
{{- $argument := toString . }}
{{- if $isValue }}
{{- $value = $argument }}
{{- $isValue = false }}
{{- else }}
{{- range $names }}
{{- if eq . $argument }}
{{- $given = true }}
{{- $isValue = true }}
{{- else if hasPrefix (ternary (printf "%s=" .) . (hasPrefix "--" .)) $argument }}
{{- $given = true }}
{{- $value = $argument | trimPrefix . | trimPrefix "=" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- dict "given" $given "value" $value | toJson }}
{{- end }}

{{/*
Whether there is an empty directory at /tmp: what a materialization cannot hold in memory goes there on Redis and SQLite, and the root is
only read. A mount of the values takes its place.
*/}}
{{- define "feast-server.hasTemporary" -}}
{{- $taken := eq .Values.persistence.mountPath "/tmp" }}
{{- range .Values.volumeMounts }}
{{- if eq (trimSuffix "/" .mountPath) "/tmp" }}
{{- $taken = true }}
{{- end }}
{{- end }}
{{- if not $taken }}true{{ end }}
{{- end }}

{{/* Of the server and of `apply`. */}}
{{- define "feast-server.environment" -}}
{{- with include "feast-server.yamlSecretName" . }}
- name: FEATURE_STORE_YAML_BASE64
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ ternary "feature_store_yaml_base64" $.Values.existingSecret.key (not (empty $.Values.feature_store_yaml_base64)) }}
{{- end }}
{{- with .Values.extraEnvs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Volumes of the chart have names that begin with `feast-`, as those of `volumes` may have any. */}}
{{- define "feast-server.volumes" -}}
{{- $data := include "feast-server.data" . }}
{{- if ne $data "given" }}
- name: feast-data
  {{- if eq $data "claim" }}
  persistentVolumeClaim:
    claimName: {{ include "feast-server.claimName" . }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
{{- if include "feast-server.hasTemporary" . }}
- name: feast-tmp
  emptyDir: {}
{{- end }}
{{- with .Values.tls.secretName }}
- name: feast-tls
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.tls.clientCaSecretName }}
- name: feast-client-ca
  secret:
    secretName: {{ . }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Of the server and of `apply`. */}}
{{- define "feast-server.volumeMounts" -}}
{{- if ne (include "feast-server.data" .) "given" }}
- name: feast-data
  mountPath: {{ .Values.persistence.mountPath }}
{{- end }}
{{- if include "feast-server.hasTemporary" . }}
- name: feast-tmp
  mountPath: /tmp
{{- end }}
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "feast-server.serverVolumeMounts" -}}
{{- include "feast-server.volumeMounts" . | trim }}
{{- if .Values.tls.secretName }}
- name: feast-tls
  mountPath: /etc/feast/tls
  readOnly: true
{{- end }}
{{- if .Values.tls.clientCaSecretName }}
- name: feast-client-ca
  mountPath: /etc/feast/client-ca
  readOnly: true
{{- end }}
{{- end }}

{{/*
A probe: [root, its values, the path of the request]. A kubelet has no certificate, so where clients are asked for one it only looks
whether the port is open.
*/}}
{{- define "feast-server.probe" -}}
{{- $root := index . 0 }}
{{- $fields := index . 1 }}
{{- $handler := dict }}
{{- if $root.Values.tls.clientCaSecretName }}
{{- $handler = dict "tcpSocket" (dict "port" "online") }}
{{- else }}
{{- $handler = dict "httpGet" (dict "path" (index . 2) "port" "online" "scheme" (ternary "HTTPS" "HTTP" (not (empty $root.Values.tls.secretName)))) }}
{{- end }}
{{- range list "httpGet" "tcpSocket" "exec" "grpc" }}
{{- if hasKey $fields . }}
{{- $handler = dict }}
{{- end }}
{{- end }}
{{- toYaml (merge $handler $fields) }}
{{- end }}

{{- define "feast-server.topologySpreadConstraints" -}}
{{- $constraints := list }}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "feast-server.selectorLabels" . | fromYaml)) }}
{{- range .Values.topologySpreadConstraints }}
{{- $constraints = append $constraints (ternary . (merge (deepCopy .) $selector) (hasKey . "labelSelector")) }}
{{- end }}
{{- toYaml $constraints }}
{{- end }}

{{/* Whether the pod gets the token of its account. */}}
{{- define "feast-server.automountToken" -}}
{{- if eq (toString .Values.serviceAccount.automountToken) "auto" }}
{{- $auth := (include "feast-server.repository" . | fromJson).auth }}
{{- or (has $auth (list "" "kubernetes" "oidc")) (contains "$" $auth) }}
{{- else }}
{{- .Values.serviceAccount.automountToken }}
{{- end }}
{{- end }}
