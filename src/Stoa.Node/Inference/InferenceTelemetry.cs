using System.Diagnostics.Metrics;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Inference;

/// <summary>Measures of what models are asked.</summary>
public sealed class InferenceTelemetry : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _corrections;

    public InferenceTelemetry(IMeterFactory meters)
    {
        _meter = meters.Create("Stoa.Inference");
        _requests = _meter.CreateCounter<long>("stoa.inference.requests", "{request}", "Requests to models that ended, by endpoint and outcome.");
        _duration = _meter.CreateHistogram<double>("stoa.inference.duration", "s", "From a request to the end of its answer, by endpoint.");
        _tokens = _meter.CreateCounter<long>("stoa.inference.tokens", "{token}", "Tokens of answered requests as they were billed, read and written.");
        _failures = _meter.CreateCounter<long>("stoa.inference.replica_failures", "{failure}", "Requests that a replica did not answer, by reason.");
        _corrections = _meter.CreateCounter<long>("stoa.inference.corrected_usages", "{answer}", "Answers whose replica said that more was used than can be.");
    }

    /// <summary>A request has ended.</summary>
    public void Ended(InferenceKind kind, InferenceOutcome outcome, TimeSpan duration)
    {
        var endpoint = new KeyValuePair<string, object?>("endpoint", EnumWord.Of(kind));
        _requests.Add(1, endpoint, new KeyValuePair<string, object?>("outcome", EnumWord.Of(outcome)));
        _duration.Record(duration.TotalSeconds, endpoint);
    }

    /// <summary>An answer was billed.</summary>
    public void Used(TokenUsage used, bool isCorrected)
    {
        _tokens.Add(used.InputTokens, new KeyValuePair<string, object?>("direction", "input"));
        _tokens.Add(used.OutputTokens, new KeyValuePair<string, object?>("direction", "output"));
        if (isCorrected)
            _corrections.Add(1);
    }

    /// <summary>A replica did not answer.</summary>
    public void Failed(UpstreamFailureKind kind) => _failures.Add(1, new KeyValuePair<string, object?>("reason", EnumWord.Of(kind)));

    public void Dispose() => _meter.Dispose();
}
