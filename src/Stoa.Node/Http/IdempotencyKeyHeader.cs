using Stoa.Market;

namespace Stoa.Node.Http;

/// <summary>The <c>Idempotency-Key</c> header: 1 to 255 visible ASCII characters, chosen by the client; a UUID is a good one.</summary>
public static class IdempotencyKeyHeader
{
    /// <summary>Name of the header.</summary>
    public const string Name = "Idempotency-Key";

    private const int LengthMax = 255;

    /// <summary>The key of a request; null when it has none.</summary>
    /// <exception cref="RequestRefusedException">It is not of the form above.</exception>
    public static string? Read(HttpRequest request)
    {
        var values = request.Headers[Name];
        if (values.Count == 0)
            return null;
        var key = values.ToString();
        if (values.Count > 1 || key.Length is 0 or > LengthMax || key.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new RequestRefusedException(
                RequestRefusal.RequestInvalid,
                errors: [new FieldError("", $"The header {Name} is 1 to {LengthMax} visible ASCII characters, and there is one of it.")]);
        }

        return key;
    }
}
