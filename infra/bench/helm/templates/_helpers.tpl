{{/* The digest of a service's configuration, so that a change of it rolls the pods. */}}
{{- define "services.checksum" -}}
{{- $text := "" -}}
{{- range $key, $value := .config -}}
{{- $text = printf "%sConfigMap %s\n%q\n%q\n" $text $.name $key $value -}}
{{- end -}}
{{- sha256sum $text -}}
{{- end -}}
