namespace Stoa.Primitives.HttpSignatures;

/// <summary>Signs HTTP requests (RFC 9421, section 3.1) by a key of <see cref="SignatureInput.Algorithm"/>, under the one label <c>stoa</c>.</summary>
public static class RequestSigner
{
    /// <summary>The header that says what is signed.</summary>
    public const string InputHeader = "Signature-Input";

    /// <summary>The header that has the signature.</summary>
    public const string SignatureHeader = "Signature";

    /// <summary>The header whose digest of the body is signed in its place.</summary>
    public const string DigestHeader = "Content-Digest";

    private const string Label = "stoa";

    /// <summary>Adds what says that a key has signed a request. Whatever is covered has to be there.</summary>
    /// <param name="request">With an absolute address.</param>
    /// <param name="components">What is covered: names of header fields in lower case, and <c>@method</c>, <c>@path</c> and <c>@query</c>.</param>
    /// <param name="key">The key.</param>
    /// <param name="keyId">Which it is, as whoever checks it knows it.</param>
    /// <param name="created">When; told to the second.</param>
    /// <param name="nonce">Unlike every other one of the key.</param>
    /// <exception cref="FormatException">The request lacks something that is covered, or its value cannot be on one line.</exception>
    public static void Sign(HttpRequestMessage request, IReadOnlyList<string> components, PrivateKey key, string keyId, DateTimeOffset created, string nonce)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(key);
        var input = SignatureInput.Of(components, created, nonce, keyId);
        var signature = key.SignFixed(input.ToBase(name => ValueOf(request, name)));
        request.Headers.TryAddWithoutValidation(InputHeader, $"{Label}={input}");
        request.Headers.TryAddWithoutValidation(SignatureHeader, $"{Label}={StructuredFields.Quote(signature)}");
    }

    private static string? ValueOf(HttpRequestMessage request, string name) => name switch
    {
        "@method" => request.Method.Method,
        "@path" => request.RequestUri!.AbsolutePath,
        "@query" => request.RequestUri!.Query is { Length: > 0 } query ? query : "?",
        _ => request.Headers.TryGetValues(name, out var values) || request.Content?.Headers.TryGetValues(name, out values) is true ? string.Join(", ", values) : null,
    };
}
