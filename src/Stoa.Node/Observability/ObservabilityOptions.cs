namespace Stoa.Node.Observability;

/// <summary>How log lines look.</summary>
public enum LogFormat
{
    /// <summary>A line for people.</summary>
    Console,

    /// <summary>A JSON object a line, for machines.</summary>
    Json,
}

/// <summary>What the node tells its operator.</summary>
public sealed record ObservabilityOptions
{
    /// <summary>How log lines look; they go to standard error. Default <c>Console</c>.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>The file to which log lines for people are appended; when left out they go to standard error.</summary>
    public string? LogFile { get; init; }

    /// <summary>The least that is logged: <c>trace</c>, <c>debug</c>, <c>information</c>, <c>warning</c>, <c>error</c>, <c>critical</c> or <c>none</c>. Default <c>information</c>.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Where traces are sent by OTLP over gRPC, such as <c>http://localhost:4317</c>; none when left out. Also <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>.</summary>
    public string? OtlpEndpoint { get; init; }

    /// <summary>How many of the traces that begin here are sent, from 0 to 1. Default 1.</summary>
    public double TraceRatio { get; init; } = 1;

    public IEnumerable<string> Validate()
    {
        if (OtlpEndpoint is not null && !Uri.TryCreate(OtlpEndpoint, UriKind.Absolute, out _))
            yield return "Observability:OtlpEndpoint is an address such as http://localhost:4317.";
        if (TraceRatio is not (>= 0 and <= 1))
            yield return "Observability:TraceRatio is from 0 to 1.";
    }
}
