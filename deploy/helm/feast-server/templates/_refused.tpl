{{/* What is refused, with the remedy. What a single value may be is in values.schema.json. */}}
{{- define "feast-server.refuse" -}}
{{- $repository := include "feast-server.repository" . | fromJson }}
{{- $store := $repository.onlineStore }}
{{- $yamlIsInImage := not (include "feast-server.yamlSecretName" .) }}

{{- if ne .Values.feast_mode "online" }}
{{- fail (printf "feast_mode is %q: this server serves online features only. Leave the value out here, and run Feast's own chart for the %s server beside this release" .Values.feast_mode .Values.feast_mode) }}
{{- end }}
{{- if and .Values.feature_store_yaml_base64 .Values.existingSecret.name }}
{{- fail "feature_store_yaml_base64 and existingSecret.name both give the yaml: leave one of them out" }}
{{- end }}
{{- if and .Values.repositoryDir (not $yamlIsInImage) }}
{{- fail "repositoryDir is where the image has its yaml, and feature_store_yaml_base64 or existingSecret gives another: leave one of them out" }}
{{- end }}
{{- if and .Values.commandArgs (ne (first .Values.commandArgs) "feast") }}
{{- fail (printf "commandArgs is the whole command and begins with %q: it must begin with \"feast\". Arguments of `feast serve` alone are for serveArgs" (first .Values.commandArgs)) }}
{{- end }}
{{- if and .Values.commandArgs .Values.serveArgs }}
{{- fail "serveArgs are added to the command that the chart makes, and commandArgs replaces it: write all arguments in commandArgs" }}
{{- end }}
{{- range .Values.serveArgs }}
{{- if regexMatch "^(-p|--port(=|$))" (toString .) }}
{{- fail (printf "serveArgs has %s, but probes and the Service ask the pods at 6566: leave it out. The port of the Service is service.port" .) }}
{{- end }}
{{- if regexMatch "^(-[hkm]|--(host|key|cert|client-ca|tls-min-version|drain-seconds|lock-wait-seconds|metrics)(=|$))" (toString .) }}
{{- fail (printf "serveArgs has %s, which the chart gives itself: use drainSeconds, tls and metrics.enabled, or write the whole command in commandArgs" .) }}
{{- end }}
{{- end }}
{{- if .Values.commandArgs }}
{{- include "feast-server.refuseCommand" . }}
{{- end }}
{{- if and .Values.materialize.enabled (has "--read-only" (concat .Values.serveArgs .Values.commandArgs)) }}
{{- fail "materialize.enabled, but a server with --read-only refuses materializations: leave one of them out" }}
{{- end }}
{{- if and .Values.apply.enabled (not $yamlIsInImage) }}
{{- fail "apply.enabled: `feast apply` reads definitions and the yaml from the repository in the image, and not the yaml of feature_store_yaml_base64 or existingSecret. Leave those out, or run `feast apply` elsewhere" }}
{{- end }}

{{- /* Where the store and the registry are. */}}
{{- if has $store (list "embedded" "sqlite") }}
{{- if and (eq (include "feast-server.place" (list . $repository.storePath)) "image") (ne (toString .Values.securityContext.readOnlyRootFilesystem) "false") }}
{{- fail (printf "the online store is at %s in the yaml, which is not on a volume, and cannot be written: put it below %s (persistence.mountPath), or write a relative path" $repository.storePath .Values.persistence.mountPath) }}
{{- end }}
{{- end }}
{{- $registryPlace := include "feast-server.place" (list . $repository.registryPath) }}
{{- if and .Values.materialize.enabled (eq $registryPlace "image") }}
{{- fail (printf "materialize.enabled: a run is recorded in the registry, and %s is in the image, where what is written goes with the pod: put the registry on a volume, or materialize from elsewhere" $repository.registryPath) }}
{{- end }}

{{- if and .Values.apply.enabled (eq $registryPlace "image") (ne (toString .Values.securityContext.readOnlyRootFilesystem) "false") }}
{{- fail (printf "apply.enabled: %s is in the image, and cannot be written: put the registry on a volume, or run `feast apply` when the image is built" $repository.registryPath) }}
{{- end }}

{{- if include "feast-server.several" . }}
{{- $cause := ternary "autoscaling.enabled" (printf "replicaCount is %d" (int .Values.replicaCount)) .Values.autoscaling.enabled }}
{{- if not $store }}
{{- fail (printf "%s, but it is not known whether the online store is Redis, and any other has one pod: set onlineStore" $cause) }}
{{- else if ne $store "redis" }}
{{- fail (printf "%s, but the online store is %s, which one process has open: use one pod, or online_store: {type: redis} in the yaml" $cause (ternary "embedded" "a SQLite file" (eq $store "embedded"))) }}
{{- end }}
{{- if not $registryPlace }}
{{- fail (printf "%s, but it is not known whether all pods would read the same registry: set registryPath to the absolute path of its file" $cause) }}
{{- else if eq $registryPlace "empty" }}
{{- fail (printf "%s, but the registry %s is in an empty directory of each pod: put it on a volume that all pods mount (persistence.enabled with ReadWriteMany, or volumes), or into the image" $cause $repository.registryPath) }}
{{- else if and (eq (include "feast-server.data" .) "claim") (not (has "ReadWriteMany" .Values.persistence.accessModes)) }}
{{- fail (printf "%s, but the volume at %s is mounted by one node: set persistence.accessModes to [ReadWriteMany], or put the registry into the image and leave out persistence.enabled" $cause .Values.persistence.mountPath) }}
{{- else if and (eq $registryPlace "image") (eq (toString .Values.securityContext.readOnlyRootFilesystem) "false") }}
{{- fail (printf "%s, and the registry %s is in the image, where each pod could change its own: keep securityContext.readOnlyRootFilesystem, or put the registry on a volume that all pods mount" $cause $repository.registryPath) }}
{{- end }}
{{- if $repository.batching }}
{{- fail (printf "%s, and feature_server.offline_push_batching_enabled in the yaml: a pod that does not come back would take with it pushes that it has answered. Use one pod, or push without batches" $cause) }}
{{- end }}
{{- else if and $repository.batching (eq (include "feast-server.place" (list . $repository.pushLog)) "empty") }}
{{- fail (printf "feature_server.offline_push_batching_enabled in the yaml: pushes are answered before they are in their parquet source, and would go with the pod. Put %s on a volume (persistence.enabled), or push without batches" $repository.pushLog) }}
{{- end }}
{{- if eq $registryPlace "empty" }}
{{- if not (or .Values.apply.enabled .Values.initContainers) }}
{{- fail (printf "the registry %s is in an empty directory that goes with the pod, and nothing puts it there: put it on a volume (persistence.enabled, or volumes) or into the image, or let one of initContainers fetch it" $repository.registryPath) }}
{{- end }}
{{- /* Where the rows go with the pod as well, a new one has neither them nor a record of them, and loads all of them again. */}}
{{- if and .Values.materialize.enabled (ne (include "feast-server.place" (list . $repository.storePath)) "empty") }}
{{- fail (printf "materialize.enabled: a run is recorded in the registry, and %s is in an empty directory that goes with the pod, while the rows stay: put the registry on a volume (persistence.enabled, or volumes), or materialize from elsewhere" $repository.registryPath) }}
{{- end }}
{{- end }}

{{- /* Values that need each other. */}}
{{- if and .Values.serviceMonitor.enabled (not $repository.metrics) }}
{{- fail "serviceMonitor.enabled, but no metrics are served: set metrics.enabled" }}
{{- end }}
{{- if and .Values.rbac.create (eq (include "feast-server.serviceAccountName" .) "default") }}
{{- fail "rbac.create gives rights to the account \"default\", which all pods of the namespace may have: set serviceAccount.create, or serviceAccount.name" }}
{{- end }}
{{- if and .Values.tls.clientCaSecretName (not .Values.tls.secretName) }}
{{- fail "tls.clientCaSecretName: clients are asked for certificates over TLS only: set tls.secretName" }}
{{- end }}
{{- if and .Values.tls.minVersion (not .Values.tls.secretName) }}
{{- fail "tls.minVersion, but TLS is not spoken: set tls.secretName" }}
{{- end }}
{{- if and .Values.materialize.enabled .Values.tls.clientCaSecretName (not .Values.materialize.clientCertSecretName) }}
{{- fail "materialize.enabled: with tls.clientCaSecretName the server asks its clients for a certificate: set materialize.clientCertSecretName" }}
{{- end }}
{{- if and (or .Values.materialize.clientCertSecretName .Values.materialize.caSecretName) (not .Values.tls.secretName) }}
{{- fail "materialize.caSecretName and materialize.clientCertSecretName are for TLS, which the server does not speak: set tls.secretName" }}
{{- end }}
{{- if and .Values.materialize.tokenSecretName .Values.materialize.serviceAccountName }}
{{- fail "materialize.tokenSecretName and materialize.serviceAccountName both say what to sign in with: leave one of them out" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress.enabled, but no names: set ingress.hosts" }}
{{- end }}
{{- $drain := (include "feast-server.argument" (list .Values.commandArgs "--drain-seconds") | fromJson).value }}
{{- if and $drain (lt (int (include "feast-server.gracePeriod" .)) (add (int $drain) 40 | int)) }}
{{- fail (printf "commandArgs has --drain-seconds %s, and terminationGracePeriodSeconds is %s: it must be 40 more at least, as the server would be killed before it has finished. Set drainSeconds to the same" $drain (include "feast-server.gracePeriod" .)) }}
{{- end }}
{{- if lt (int (include "feast-server.gracePeriod" .)) (add (int (include "feast-server.drainSeconds" .)) 40 | int) }}
{{- fail (printf "terminationGracePeriodSeconds is %s: it must be 40 more than drainSeconds (%s) at least, as the server needs up to so long to finish, and would be killed before" (include "feast-server.gracePeriod" .) (include "feast-server.drainSeconds" .)) }}
{{- end }}
{{- if and .Values.autoscaling.enabled (not (dig "requests" "cpu" "" .Values.resources)) }}
{{- fail "autoscaling.enabled: processor time is compared with resources.requests.cpu, which is not set" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail (printf "autoscaling.minReplicas is %d, which is more than maxReplicas, %d" (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- end }}
{{- end }}

{{/* What a whole command says otherwise than the values by which probes, ports and mounts are made. */}}
{{- define "feast-server.refuseCommand" -}}
{{- $repository := include "feast-server.repository" . | fromJson }}
{{- $command := .Values.commandArgs }}
{{- $port := include "feast-server.argument" (list $command "--port" "-p") | fromJson }}
{{- if and $port.given (ne $port.value "6566") }}
{{- fail (printf "commandArgs has --port %s, but probes and the Service ask the pods at 6566: leave it out. The port of the Service is service.port" $port.value) }}
{{- end }}
{{- $host := include "feast-server.argument" (list $command "--host" "-h") | fromJson }}
{{- $socket := include "feast-server.argument" (list $command "--socket") | fromJson }}
{{- if not (or $host.given $socket.given) }}
{{- fail "commandArgs has no --host: the server would listen on 127.0.0.1, where neither probes nor the Service reach it: add -h, 0.0.0.0" }}
{{- end }}

{{- $key := include "feast-server.argument" (list $command "--key" "-k") | fromJson }}
{{- if and .Values.tls.secretName (not $key.given) }}
{{- fail "tls.secretName, but commandArgs has no --key: probes would speak TLS to a server that does not: add --key, /etc/feast/tls/tls.key, --cert, /etc/feast/tls/tls.crt" }}
{{- end }}
{{- if and $key.given (not .Values.tls.secretName) }}
{{- fail "commandArgs has --key, but tls.secretName is not set: probes would not speak TLS, which the server does: set tls.secretName" }}
{{- end }}
{{- $authority := include "feast-server.argument" (list $command "--client-ca") | fromJson }}
{{- if and .Values.tls.clientCaSecretName (not $authority.given) }}
{{- fail "tls.clientCaSecretName, but commandArgs has no --client-ca: nobody would be asked for a certificate: add --client-ca, /etc/feast/client-ca/ca.crt" }}
{{- end }}
{{- if and $authority.given (not .Values.tls.clientCaSecretName) }}
{{- fail "commandArgs has --client-ca, but tls.clientCaSecretName is not set: probes have no certificate, and would fail: set tls.clientCaSecretName" }}
{{- end }}
{{- $minVersion := include "feast-server.argument" (list $command "--tls-min-version") | fromJson }}
{{- if and .Values.tls.minVersion (ne .Values.tls.minVersion $minVersion.value) }}
{{- fail (printf "tls.minVersion is %s, but commandArgs does not say so: add --tls-min-version, %q" .Values.tls.minVersion .Values.tls.minVersion) }}
{{- end }}

{{- $metrics := include "feast-server.argument" (list $command "--metrics" "-m") | fromJson }}
{{- if and .Values.metrics.enabled (not (or $metrics.given $repository.metricsInYaml)) }}
{{- fail "metrics.enabled, but commandArgs has no --metrics: nobody would listen on the port of metrics: add --metrics" }}
{{- end }}
{{- if and $metrics.given (not $repository.metrics) }}
{{- fail "commandArgs has --metrics, but metrics.enabled is not set: neither pods nor the Service would have the port: set metrics.enabled" }}
{{- end }}
{{- end }}
