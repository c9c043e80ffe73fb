using System.Buffers;

namespace Stoa.Node.Http;

/// <summary>Reads whole bodies. How large they may be is a limit of the endpoint, see <see cref="EndpointLimits"/>.</summary>
public static class RequestBody
{
    /// <exception cref="RequestRefusedException">The body is not said to be JSON in UTF-8, or there is none.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadJsonAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType() || !IsUtf8(request))
        {
            throw new RequestRefusedException(
                RequestRefusal.UnsupportedMediaType, "Send the body as Content-Type: application/json, in UTF-8.");
        }

        var body = await ReadAsync(request, cancellationToken);
        return body.IsEmpty
            ? throw new RequestRefusedException(RequestRefusal.RequestInvalid, "The body is empty: send a JSON object.")
            : body;
    }

    /// <summary>All bytes of the body.</summary>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpRequest request, CancellationToken cancellationToken) =>
        (await ReadAsync(request, static _ => true, cancellationToken))!.Value;

    /// <summary>All bytes of the body, as long as there is room for what has come of it.</summary>
    /// <param name="request">That has it.</param>
    /// <param name="hasRoom">Asked with how many bytes there are, each time that some have come.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null when there was no room.</returns>
    public static async Task<ReadOnlyMemory<byte>?> ReadAsync(HttpRequest request, Func<long, bool> hasRoom, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(hasRoom);
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(cancellationToken);
            if (!hasRoom(read.Buffer.Length))
            {
                // What came is let go, so that the server can pass over the rest.
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return null;
            }

            if (read.IsCompleted)
            {
                var whole = read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return whole;
            }

            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static bool IsUtf8(HttpRequest request) =>
        request.GetTypedHeaders().ContentType?.Charset is not { HasValue: true } charset
        || charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)
        || charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase);
}
