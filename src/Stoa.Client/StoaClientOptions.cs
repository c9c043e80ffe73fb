namespace Stoa.Client;

/// <summary>How to reach a node, and as whom. Immutable: change a copy with <c>with</c>.</summary>
public sealed record StoaClientOptions
{
    /// <summary>Where a node with default options listens.</summary>
    public static readonly Uri DefaultAddress = new("http://127.0.0.1:8420");

    /// <summary>The node's root address. Default: <see cref="DefaultAddress"/>.</summary>
    public Uri Address { get; init; } = DefaultAddress;

    /// <summary>An API key (<c>stoa_…</c>) or a session's token; null for what anybody may do. Default: null.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Signs every request in place of an API key, which is not sent then; null for none. Default: null.</summary>
    public RequestSigningKey? SigningKey { get; init; }

    /// <summary>How often a call is tried when the network or the node fails for a moment. Default: 4.</summary>
    public int MaxAttempts { get; init; } = 4;

    /// <summary>Wait before the second attempt; doubles with each further one, up to <see cref="MaxRetryDelay"/>. Default: 200 ms.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest wait between attempts. A node that asks by <c>Retry-After</c> for more gets no further attempt. Default: 10 s.</summary>
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one attempt may wait for the head of an answer; bodies may take as long as they flow. Default: 100 s.</summary>
    public TimeSpan ResponseTimeout { get; init; } = TimeSpan.FromSeconds(100);

    /// <summary>How long an event stream may be silent before it is opened anew. Default: 60 s.</summary>
    public TimeSpan EventIdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>What names this program to the node. Default: <c>stoa-dotnet</c>.</summary>
    public string UserAgent { get; init; } = "stoa-dotnet";

    /// <summary>Sends the requests instead of a connection pool of the client's own; it is not disposed of. Default: null.</summary>
    public HttpMessageHandler? Handler { get; init; }

    /// <summary>The clock for waits. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
