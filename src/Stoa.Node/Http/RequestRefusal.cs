namespace Stoa.Node.Http;

/// <summary>Every reason for which the node itself refuses a request, before any room has seen it.</summary>
public enum RequestRefusal
{
    /// <summary>The body, a parameter or a header breaks its contract; every reason is listed.</summary>
    RequestInvalid,

    /// <summary>No resource has this address, or it belongs to somebody else.</summary>
    NotFound,

    /// <summary>The resource does not know this method.</summary>
    MethodNotAllowed,

    /// <summary>None of the representations that the client accepts can be given.</summary>
    NotAcceptable,

    /// <summary>The client was too slow in sending its request.</summary>
    RequestTimeout,

    /// <summary>The body is larger than this resource takes.</summary>
    PayloadTooLarge,

    /// <summary>The body is of a kind that this resource does not take.</summary>
    UnsupportedMediaType,

    /// <summary>The header fields are too large or too many.</summary>
    HeadersTooLarge,

    /// <summary>The range is not within the content.</summary>
    RangeNotSatisfiable,

    /// <summary>No credential came with the request, or one that is wrong, expired or revoked.</summary>
    Unauthenticated,

    /// <summary>The caller is known but not allowed to do this.</summary>
    Forbidden,

    /// <summary>More requests came than the limit allows.</summary>
    RateLimited,

    /// <summary>The idempotency key was used for another request.</summary>
    IdempotencyKeyReused,

    /// <summary>A request with the same idempotency key is being worked on.</summary>
    IdempotencyKeyBusy,

    /// <summary>The node is starting, stopping or cut off from its storage.</summary>
    Unavailable,

    /// <summary>There is no room left on the disk of the node or of its database.</summary>
    StorageFull,

    /// <summary>The node has failed. That is a bug or a broken world, not a refusal.</summary>
    InternalError,
}
