PRESETS: dict[str, dict[str, object]] = {}
