using Microsoft.AspNetCore.Http.Features;
using Stoa.Primitives;

namespace Stoa.Node.Http;

/// <summary>Has whoever sends a body that is too large learn so, though it is still sending.</summary>
/// <remarks>
/// The server's own limit is told by closing the connection with what has come unread: the system resets it then, and a client that is still sending gets an error in place of the answer. Of a body that is within its limit the
/// server passes over what nobody has read, for five seconds, and keeps the connection. So the limit is held here, and the server has none.
/// </remarks>
/// <param name="next">What is done with the request.</param>
public sealed class BodyLimits(RequestDelegate next)
{
    /// <summary>After routing, which says what the limit of an endpoint is.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var features = context.Features;
        // One that says that it is short enough is held to that by the server.
        if (features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false, MaxRequestBodySize: { } most } limit
            && features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true }
            && !(context.Request.ContentLength <= most))
        {
            limit.MaxRequestBodySize = null;
            context.Request.Body = new LimitedBody(context.Request.Body, context.Request.ContentLength is null ? most : 0);
        }

        return next(context);
    }

    /// <param name="body">All of it.</param>
    /// <param name="most">So many bytes of it are read; asking for more is refused.</param>
    private sealed class LimitedBody(Stream body, long most) : ReadOnlyStream
    {
        private long _read;

        /// <inheritdoc/>
        /// <exception cref="BadHttpRequestException">It is too large.</exception>
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            // Before anything is waited for: of one that says that it is too large nothing is read.
            if (most == 0)
                throw TooLarge();
            var count = await body.ReadAsync(buffer, cancellationToken);
            _read += count;
            return _read <= most ? count : throw TooLarge();
        }

        private static BadHttpRequestException TooLarge() => new("The body is larger than the endpoint takes.", StatusCodes.Status413PayloadTooLarge);
    }
}
