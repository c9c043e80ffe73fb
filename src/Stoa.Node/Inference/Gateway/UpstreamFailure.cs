using Stoa.Node.Http;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Why a replica did not answer a request.</summary>
public enum UpstreamFailureKind
{
    /// <summary>No connection came about, or it broke.</summary>
    Unreachable,

    /// <summary>It did not begin to answer in time, or stood still.</summary>
    TooSlow,

    /// <summary>It said with its status that it could not.</summary>
    Refused,

    /// <summary>It said 200, and that something went wrong.</summary>
    ErrorInAnswer,

    /// <summary>What it said is no answer of OpenAI's API.</summary>
    Malformed,

    /// <summary>It said more than is taken.</summary>
    TooLarge,

    /// <summary>The answer ended before it was whole.</summary>
    Truncated,
}

/// <summary>A replica did not answer a request.</summary>
/// <param name="kind">Why.</param>
/// <param name="message">For the log and for whoever asked.</param>
/// <param name="inner">What happened.</param>
internal sealed class UpstreamException(UpstreamFailureKind kind, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public UpstreamFailureKind Kind { get; } = kind;

    /// <summary>What the replica said of it, cut short; for whoever has registered it or sent the request, and for nobody else.</summary>
    public string Said { get; init; } = "";

    /// <summary>Whether no connection to it came about, so that it has seen nothing of the request.</summary>
    public bool IsUnreached { get; init; }

    /// <summary>Whether it says that it has as much to do as it can: that is no fault of its.</summary>
    public bool IsBusy { get; init; }

    /// <summary>The refusal, where the replica says that the request is at fault and not itself; null for all other failures.</summary>
    public OpenAiError? ClientFault { get; init; }

    /// <summary>What of an exception is the replica's fault; null when it is none of its.</summary>
    /// <param name="exception">What was thrown while it was asked.</param>
    /// <param name="isTimeout">Whether a time limit was what cancelled.</param>
    public static UpstreamException? Of(Exception exception, bool isTimeout) => exception switch
    {
        UpstreamException upstream => upstream,
        // How the client tells that no connection came about in time, whoever else has time left.
        OperationCanceledException { InnerException: TimeoutException } => new UpstreamException(UpstreamFailureKind.Unreachable, "No connection to it came about in time.", exception) { IsUnreached = true },
        OperationCanceledException when isTimeout => new UpstreamException(UpstreamFailureKind.TooSlow, "It did not answer in time.", exception),
        BufferFullException => new UpstreamException(UpstreamFailureKind.TooLarge, exception.Message, exception),
        HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } or HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } =>
            new UpstreamException(UpstreamFailureKind.Truncated, "The answer ended before it was whole.", exception),
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError } =>
            new UpstreamException(UpstreamFailureKind.Unreachable, "No connection to it came about.", exception) { IsUnreached = true },
        HttpRequestException or IOException => new UpstreamException(UpstreamFailureKind.Unreachable, "The connection to it failed.", exception),
        _ => null,
    };
}
