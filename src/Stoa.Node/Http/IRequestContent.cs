using Stoa.Primitives;

namespace Stoa.Node.Http;

/// <summary>An argument of an endpoint that is the content of the request.</summary>
public interface IRequestContent
{
    /// <summary>SHA-256 of the bytes.</summary>
    ContentHash Hash { get; }
}
