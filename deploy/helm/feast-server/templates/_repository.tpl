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
  metricsInYaml    whether the yaml alone has them served
  metricsPort      where
  pushLog          where pushes are recorded until they are done; empty where that is not known
  batching         whether they are answered before
*/}}
{{- define "feast-server.repository" -}}
{{- $yaml := include "feast-server.yaml" . | fromJson }}
{{- $store := "" }}
{{- $storePath := "" }}
{{- $registryPath := .Values.registryPath }}
{{- $auth := "" }}
{{- $metricsInYaml := false }}
{{- $metricsPort := 8000 }}
{{- $batching := false }}
{{- $pushLog := "" }}
{{- if $yaml }}
{{- $serving := include "feast-server.block" (list $yaml.serving "serving") | fromJson }}
{{- $block := include "feast-server.block" (list (get $yaml "online_store") "type") | fromJson }}
{{- $type := toString (default "sqlite" $block.type) }}
{{- $storePath = toString (default "" $block.path) }}
{{- /* The embedded store under the name that Python knows: there `path` is the address of the server. */}}
{{- if eq $type "feast_server.RustOnlineStore" }}
{{- $type = "rocksdb" }}
{{- $storePath = "" }}
{{- end }}
{{- with get $serving "online_store" }}
{{- $override := include "feast-server.block" (list . "type") | fromJson }}
{{- with $override.type }}
{{- $other := ternary "rocksdb" (toString .) (eq (toString .) "feast_server.RustOnlineStore") }}
{{- if ne $other $type }}
{{- $type = $other }}
{{- $storePath = "" }}
{{- end }}
{{- end }}
{{- with $override.path }}
{{- $storePath = toString . }}
{{- end }}
{{- end }}
{{- if eq $type "rocksdb" }}
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
{{- $other := toString (default "file" $registry.registry_type) }}
{{- if contains "://" (toString (default "" $registry.path)) }}
{{- /* Without what follows, which may hold a password. */}}
{{- $other = printf "%s://..." (first (splitList "://" (toString $registry.path))) }}
{{- end }}
{{- if not (or $serving.registry (eq $other "file") (contains "$" $other)) }}
{{- fail (printf "feature_store_yaml_base64: this server reads a registry that is a file, and not %s. `serving: {registry: PATH}` in the yaml is for this server alone" $other) }}
{{- end }}
{{- $registry = mergeOverwrite $registry (include "feast-server.block" (list $serving.registry "path") | fromJson) }}
{{- $written := toString (default "" $registry.path) }}
{{- if and $written (not (contains "$" $written)) }}
{{- if and $registryPath (ne $registryPath $written) }}
{{- fail (printf "registryPath is %s, but the yaml has %s: leave registryPath out" $registryPath $written) }}
{{- end }}
{{- $registryPath = $written }}
{{- end }}
{{- $pushLog = toString (default "data/push_log" (get $serving "push_log_path")) }}
{{- $auth = toString (default "no_auth" (include "feast-server.block" (list $yaml.auth "type") | fromJson).type) }}
{{- $block = include "feast-server.block" (list (get $yaml "feature_server") "type") | fromJson }}
{{- $batching = eq (toString $block.offline_push_batching_enabled) "true" }}
{{- if kindIs "map" $block.metrics }}
{{- $metricsInYaml = eq (toString $block.metrics.enabled) "true" }}
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
{{- /* It is in the embedded store. */}}
{{- if eq $store "embedded" }}
{{- $pushLog = $storePath }}
{{- end }}
{{- if contains "$" $storePath }}
{{- $storePath = "" }}
{{- end }}
{{- if contains "$" $pushLog }}
{{- $pushLog = "" }}
{{- end }}
{{- dict "onlineStore" $store "storePath" $storePath "registryPath" $registryPath "auth" $auth "metrics" (or .Values.metrics.enabled $metricsInYaml) "metricsInYaml" $metricsInYaml "metricsPort" $metricsPort "pushLog" $pushLog "batching" $batching | toJson }}
{{- end }}

{{/*
What is at persistence.mountPath: `claim`, a volume that outlives pods; `empty`, a directory that goes with the pod; or `given`, one
of `volumes`.
*/}}
{{- define "feast-server.data" -}}
{{- $data := ternary "empty" "claim" (eq (include "feast-server.repository" . | fromJson).onlineStore "redis") }}
{{- if not (kindIs "invalid" .Values.persistence.enabled) }}
{{- $data = ternary "claim" "empty" .Values.persistence.enabled }}
{{- end }}
{{- range .Values.volumeMounts }}
{{- if eq (clean .mountPath) (clean $.Values.persistence.mountPath) }}
{{- $data = "given" }}
{{- end }}
{{- end }}
{{- $data }}
{{- end }}

{{- define "feast-server.claimName" -}}
{{- default (include "feast-server.fullname" .) .Values.persistence.existingClaim }}
{{- end }}

{{/* Whether there may be several pods for long. */}}
{{- define "feast-server.several" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) }}true{{ end }}
{{- end }}

{{/*
Whether a new pod may start before the former one has ended. An embedded store, a SQLite file and a log of pushes on a volume belong
to one server, and a volume to one node unless it says otherwise. A log of pushes that is not known may be on the claim.
*/}}
{{- define "feast-server.overlaps" -}}
{{- $repository := include "feast-server.repository" . | fromJson }}
{{- if eq $repository.onlineStore "redis" }}
{{- $pushLog := include "feast-server.place" (list . $repository.pushLog) }}
{{- $hasClaim := eq (include "feast-server.data" .) "claim" }}
{{- $ofOneServer := or (has $pushLog (list "claim" "mounted")) (and $hasClaim (not $pushLog)) }}
{{- $ofOneNode := and $hasClaim (not (has "ReadWriteMany" .Values.persistence.accessModes)) }}
{{- if or (include "feast-server.several" .) (not (or $ofOneServer $ofOneNode)) }}true{{ end }}
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
{{- $directory := default (include "feast-server.workingDir" .) .Values.repositoryDir }}
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
Where a path is: [root, path]. `claim` is the volume of the chart, `empty` a directory that goes with the pod, `mounted` one of
`volumes`, `image` the image; empty where that is not known.
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
{{- $data := include "feast-server.data" $root }}
{{- $mounts := $root.Values.volumeMounts }}
{{- if ne $data "given" }}
{{- $mounts = append $mounts (dict "mountPath" $root.Values.persistence.mountPath "data" $data) }}
{{- end }}
{{- range $mounts }}
{{- $mount := clean .mountPath }}
{{- if and (or (eq $mount $path) (hasPrefix (printf "%s/" (trimSuffix "/" $mount)) $path)) (gt (len $mount) $longest) }}
{{- $longest = len $mount }}
{{- if .data }}
{{- $place = .data }}
{{- else }}
{{- $place = "mounted" }}
{{- $name := .name }}
{{- range $root.Values.volumes }}
{{- if and (eq .name $name) (or (hasKey . "emptyDir") (hasKey . "ephemeral")) }}
{{- $place = "empty" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $place }}
{{- end }}
{{- end }}
