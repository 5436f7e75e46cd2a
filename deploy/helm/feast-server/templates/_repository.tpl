{{/*
What the chart knows of the repository: from the yaml, where it can read it, and from values that say it. The server reads the yaml
anew and decides; here is only what pods are made by, and what would be wrong about them.
*/}}

{{/* The yaml, as JSON. Variables of the environment are not expanded. */}}
{{- define "feast-server.yaml" -}}
{{- $yaml := dict }}
{{- with .Values.feature_store_yaml_base64 }}
{{- $text := regexReplaceAll "\\s" . "" | b64dec }}
{{- if hasPrefix "illegal base64 data" $text }}
{{- fail (printf "feature_store_yaml_base64 is not base64 (%s): make it with `base64 -w0 feature_store.yaml`" $text) }}
{{- end }}
{{- $yaml = fromYaml $text }}
{{- with $yaml.Error }}
{{- fail (printf "feature_store_yaml_base64 is not the base64 of a feature_store.yaml: %s" .) }}
{{- end }}
{{- if not $yaml.project }}
{{- fail "feature_store_yaml_base64: the yaml has no `project`, so it is no feature_store.yaml" }}
{{- end }}
{{- end }}
{{- toJson $yaml }}
{{- end }}

{{/* A block of the yaml as JSON, which may be one string: [block, the key that this string is]. */}}
{{- define "feast-server.block" -}}
{{- $block := first . }}
{{- if kindIs "map" $block }}
{{- toJson $block }}
{{- else if $block }}
{{- toJson (dict (last .) (toString $block)) }}
{{- else }}
{{- toJson dict }}
{{- end }}
{{- end }}

{{/*
As JSON:
  onlineStore      embedded, redis, sqlite, or empty where that is not known
  storePath        of an embedded store or SQLite, as it is written; empty where that is not known
  registryPath     as it is written; empty where that is not known
  auth             who signs in; empty where that is not known
  metrics          whether numbers are served
  metricsPort      where
  batching         whether pushes are answered before they are in their parquet source
*/}}
{{- define "feast-server.repository" -}}
{{- $yaml := include "feast-server.yaml" . | fromJson }}
{{- $store := "" }}
{{- $storePath := "" }}
{{- $registryPath := .Values.registryPath }}
{{- $auth := "" }}
{{- $metrics := .Values.metrics.enabled }}
{{- $metricsPort := 8000 }}
{{- $batching := false }}
{{- if $yaml }}
{{- $serving := include "feast-server.block" (list $yaml.serving "serving") | fromJson }}
{{- $block := include "feast-server.block" (list (get $yaml "online_store") "type") | fromJson }}
{{- $type := toString (default "sqlite" $block.type) }}
{{- $storePath = toString (default "" $block.path) }}
{{- /* There `path` is the address of the server, for Python. */}}
{{- if eq $type "feast_server.RustOnlineStore" }}
{{- $storePath = "" }}
{{- end }}
{{- with get $serving "online_store" }}
{{- $override := include "feast-server.block" (list . "type") | fromJson }}
{{- with $override.type }}
{{- if ne (toString .) $type }}
{{- $storePath = "" }}
{{- end }}
{{- $type = toString . }}
{{- end }}
{{- with $override.path }}
{{- $storePath = toString . }}
{{- end }}
{{- end }}
{{- if has $type (list "rocksdb" "feast_server.RustOnlineStore") }}
{{- $store = "embedded" }}
{{- $storePath = default "data/online_store" $storePath }}
{{- else if eq $type "sqlite" }}
{{- $store = "sqlite" }}
{{- $storePath = default "data/online.db" $storePath }}
{{- else if eq $type "redis" }}
{{- $store = "redis" }}
{{- $storePath = "" }}
{{- else if not (contains "$" $type) }}
{{- fail (printf "feature_store_yaml_base64: this server has no online store of the type %s. It has rocksdb (or feast_server.RustOnlineStore, which Python reads too), redis and sqlite; `serving: {online_store: {type: rocksdb}}` in the yaml is for this server alone" $type) }}
{{- end }}
{{- $registry := include "feast-server.block" (list $yaml.registry "path") | fromJson }}
{{- $registry = mergeOverwrite $registry (include "feast-server.block" (list $serving.registry "path") | fromJson) }}
{{- $written := toString (default "" $registry.path) }}
{{- if and $written (not (contains "$" $written)) }}
{{- if and $registryPath (ne $registryPath $written) }}
{{- fail (printf "registryPath is %s, but the yaml has %s: leave registryPath out" $registryPath $written) }}
{{- end }}
{{- $registryPath = $written }}
{{- end }}
{{- $auth = toString (default "no_auth" (include "feast-server.block" (list $yaml.auth "type") | fromJson).type) }}
{{- $block = include "feast-server.block" (list (get $yaml "feature_server") "type") | fromJson }}
{{- $batching = eq (toString $block.offline_push_batching_enabled) "true" }}
{{- if kindIs "map" $block.metrics }}
{{- $metrics = or $metrics (eq (toString $block.metrics.enabled) "true") }}
{{- end }}
{{- $port := toString (default 8000 (get $serving "metrics_port")) }}
{{- if regexMatch "^[1-9][0-9]*$" $port }}
{{- $metricsPort = int $port }}
{{- end }}
{{- end }}
{{- with .Values.onlineStore }}
{{- if and $store (ne . $store) }}
{{- fail (printf "onlineStore is %s, but the yaml says %s: leave onlineStore out" . $store) }}
{{- end }}
{{- $store = . }}
{{- end }}
{{- if contains "$" $storePath }}
{{- $storePath = "" }}
{{- end }}
{{- dict "onlineStore" $store "storePath" $storePath "registryPath" $registryPath "auth" $auth "metrics" $metrics "metricsPort" $metricsPort "batching" $batching | toJson }}
{{- end }}

{{/* Whether the working directory is on a volume that outlives pods. */}}
{{- define "feast-server.persists" -}}
{{- if kindIs "invalid" .Values.persistence.enabled }}
{{- if ne (include "feast-server.repository" . | fromJson).onlineStore "redis" }}true{{ end }}
{{- else if .Values.persistence.enabled }}true{{ end }}
{{- end }}

{{- define "feast-server.claimName" -}}
{{- default (include "feast-server.fullname" .) .Values.persistence.existingClaim }}
{{- end }}

{{/* Whether there may be several pods for long. */}}
{{- define "feast-server.several" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) }}true{{ end }}
{{- end }}

{{/*
Whether a new pod may start before the former one has ended. An embedded store, a SQLite file and the log of pushes on a volume belong
to one server, and the volume mostly to one node.
*/}}
{{- define "feast-server.overlaps" -}}
{{- if eq (include "feast-server.repository" . | fromJson).onlineStore "redis" }}
{{- if or (include "feast-server.several" .) (not (include "feast-server.persists" .)) }}true{{ end }}
{{- end }}
{{- end }}

{{- define "feast-server.workingDir" -}}
{{- if .Values.workingDir }}
{{- .Values.workingDir }}
{{- else if include "feast-server.yamlSecretName" . }}
{{- .Values.persistence.mountPath }}
{{- end }}
{{- end }}

{{/* Where relative paths of the yaml start; empty where that is not known. */}}
{{- define "feast-server.repositoryDir" -}}
{{- $directory := include "feast-server.workingDir" . }}
{{- range .Values.commandArgs }}
{{- if regexMatch "^(-c|--chdir)" . }}
{{- $directory = "" }}
{{- end }}
{{- end }}
{{- range .Values.extraEnvs }}
{{- if eq .name "FEATURE_REPO_DIR_ENV_VAR" }}
{{- $directory = "" }}
{{- end }}
{{- end }}
{{- $directory }}
{{- end }}

{{/*
Where a path is: [root, path]. `data` is the volume of the chart, `ephemeral` a directory that goes with the pod, `mounted` another
volume, `image` the image; empty where that is not known.
*/}}
{{- define "feast-server.place" -}}
{{- $root := first . }}
{{- $path := last . }}
{{- if and $path (not (isAbs $path)) }}
{{- $directory := include "feast-server.repositoryDir" $root }}
{{- $path = ternary (printf "%s/%s" $directory $path) "" (not (empty $directory)) }}
{{- end }}
{{- if $path }}
{{- $path = clean $path }}
{{- $place := "image" }}
{{- $longest := 0 }}
{{- $mounts := list (dict "mountPath" $root.Values.persistence.mountPath "data" true) }}
{{- range concat $mounts $root.Values.volumeMounts }}
{{- $mount := clean .mountPath }}
{{- if and (or (eq $mount $path) (hasPrefix (printf "%s/" (trimSuffix "/" $mount)) $path)) (gt (len $mount) $longest) }}
{{- $longest = len $mount }}
{{- if .data }}
{{- $place = ternary "data" "ephemeral" (eq (include "feast-server.persists" $root) "true") }}
{{- else }}
{{- $place = "mounted" }}
{{- $name := .name }}
{{- range $root.Values.volumes }}
{{- if and (eq .name $name) (or (hasKey . "emptyDir") (hasKey . "ephemeral")) }}
{{- $place = "ephemeral" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $place }}
{{- end }}
{{- end }}
