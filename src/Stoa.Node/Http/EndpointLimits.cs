using Microsoft.AspNetCore.Http.Metadata;

namespace Stoa.Node.Http;

/// <summary>How large the body of a request may be. What an endpoint does not say is <see cref="HttpOptions.MaxBodyBytes"/>.</summary>
public static class EndpointLimits
{
    /// <summary>Takes bodies of up to so many bytes; larger ones are refused with <see cref="RequestRefusal.PayloadTooLarge"/>.</summary>
    public static TBuilder TakesAtMost<TBuilder>(this TBuilder endpoint, long bytes)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new BodySizeLimit(bytes));

    private sealed record BodySizeLimit(long Bytes) : IRequestSizeLimitMetadata
    {
        public long? MaxRequestBodySize => Bytes;
    }
}
