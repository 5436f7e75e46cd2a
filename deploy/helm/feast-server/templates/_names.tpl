{{/* Names and labels, as in Feast's chart. */}}

{{- define "feast-server.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Of all objects. */}}
{{- define "feast-server.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* A name with an ending, of so many characters at most: [name, ending, most]. Names that have to be cut differ by a hash of the whole. */}}
{{- define "feast-server.withEnding" -}}
{{- $name := index . 0 }}
{{- $ending := index . 1 }}
{{- $most := int (index . 2) }}
{{- $whole := printf "%s-%s" $name $ending }}
{{- if le (len $whole) $most }}
{{- $whole }}
{{- else }}
{{- $room := int (sub $most (add (len $ending) 10)) }}
{{- printf "%s-%s-%s" ($name | trunc $room | trimSuffix "-") (sha256sum $name | trunc 8) $ending }}
{{- end }}
{{- end }}

{{/* Of what asks for materializations. A CronJob may have 52 characters, as its jobs have a number behind them. */}}
{{- define "feast-server.materialize.fullname" -}}
{{- include "feast-server.withEnding" (list (include "feast-server.fullname" .) "materialize" 52) }}
{{- end }}

{{- define "feast-server.selectorLabels" -}}
app.kubernetes.io/name: {{ include "feast-server.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "feast-server.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "feast-server.labels" -}}
{{ include "feast-server.commonLabels" . }}
{{ include "feast-server.selectorLabels" . }}
{{- end }}

{{/* Of the pods that ask for materializations: not those by which the Service finds servers. */}}
{{- define "feast-server.materialize.selectorLabels" -}}
app.kubernetes.io/name: {{ include "feast-server.withEnding" (list (include "feast-server.name" .) "materialize" 63) }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "feast-server.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "feast-server.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Values that were written for Feast's chart may name its image, which does not run this server. */}}
{{- define "feast-server.isPythonImage" -}}
{{- if has .Values.image.repository (list "feastdev/feature-server" "docker.io/feastdev/feature-server" "quay.io/feastdev/feature-server") }}true{{ end }}
{{- end }}

{{- define "feast-server.image" -}}
{{- if include "feast-server.isPythonImage" . }}
{{- printf "feast-server:%s" .Chart.AppVersion }}
{{- else }}
{{- printf "%s:%s" (default "feast-server" .Values.image.repository) (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The Secret with the yaml, if it comes from the environment. */}}
{{- define "feast-server.yamlSecretName" -}}
{{- if .Values.feature_store_yaml_base64 }}
{{- include "feast-server.fullname" . }}
{{- else }}
{{- .Values.existingSecret.name }}
{{- end }}
{{- end }}
