using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Node.Http;

namespace Stoa.Node.Builds;

/// <summary>The two parts of a publication: <c>manifest</c> (agent.json) and <c>program</c> (WebAssembly).</summary>
internal sealed record AgentUpload(ReadOnlyMemory<byte> Manifest, ReadOnlyMemory<byte> Program)
{
    private const string ManifestPart = "manifest";
    private const string ProgramPart = "program";
    private const int MaxBoundaryLength = 100;
    private const int FirstBufferBytes = 64 * 1024;

    /// <summary>Reads the multipart body; the parts may come in any order, each once, and no other.</summary>
    /// <exception cref="RequestRefusedException">The body is not such an upload.</exception>
    public static async Task<Outcome<AgentUpload, PublishRefusal>> ReadAsync(
        HttpRequest request, long maxProgramBytes, CancellationToken cancellationToken)
    {
        var reader = new MultipartReader(BoundaryOf(request), request.Body) { HeadersCountLimit = 16, HeadersLengthLimit = 4096 };
        var parts = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        try
        {
            while (await reader.ReadNextSectionAsync(cancellationToken) is { } section)
            {
                var name = section.GetContentDispositionHeader()?.Name.Value ?? "";
                if (name is not (ManifestPart or ProgramPart))
                    throw Refused($"There is a part '{name}'; an upload has a part '{ManifestPart}' and a part '{ProgramPart}' and no other.");
                if (parts.ContainsKey(name))
                    throw Refused($"The part '{name}' is there twice.");
                var most = name == ManifestPart ? ManifestReader.MaxBytes : maxProgramBytes;
                if (await ReadPartAsync(section.Body, most, request.ContentLength, cancellationToken) is not { } bytes)
                    return TooLarge(name, most);
                parts.Add(name, bytes);
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw Refused($"The multipart body is broken: {e.Message}");
        }

        return parts.TryGetValue(ManifestPart, out var manifest) && parts.TryGetValue(ProgramPart, out var program)
            ? new AgentUpload(manifest, program)
            : throw Refused($"The part '{(parts.ContainsKey(ManifestPart) ? ProgramPart : ManifestPart)}' is missing.");
    }

    private static string BoundaryOf(HttpRequest request)
    {
        var boundary = MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.MediaType == "multipart/form-data"
            ? HeaderUtilities.RemoveQuotes(type.Boundary).Value
            : null;
        if (boundary is null)
            throw new RequestRefusedException(RequestRefusal.UnsupportedMediaType, "Send multipart/form-data with the parts 'manifest' and 'program'.");
        return boundary.Length is > 0 and <= MaxBoundaryLength
            ? boundary
            : throw Refused("The boundary of the multipart body is missing or too long.");
    }

    /// <summary>Reads a part into one buffer; null when it is larger than it may be.</summary>
    /// <param name="part">To its end.</param>
    /// <param name="most">The most bytes that it may have; no larger buffer is made.</param>
    /// <param name="length">How long the whole body is, when that is known: the buffer need not grow then.</param>
    /// <param name="cancellationToken">Gives up.</param>
    private static async Task<ReadOnlyMemory<byte>?> ReadPartAsync(Stream part, long most, long? length, CancellationToken cancellationToken)
    {
        var bytes = GC.AllocateUninitializedArray<byte>((int)Math.Min(most, length ?? FirstBufferBytes));
        var count = 0;
        while (true)
        {
            if (count == most)
                return await part.ReadAsync(new byte[1], cancellationToken) == 0 ? bytes : null;
            if (count == bytes.Length)
                Array.Resize(ref bytes, (int)Math.Min(most, Math.Max(FirstBufferBytes, 2L * count)));
            var read = await part.ReadAsync(bytes.AsMemory(count), cancellationToken);
            if (read == 0)
                return bytes.AsMemory(0, count);
            count += read;
        }
    }

    private static Refusal<PublishRefusal> TooLarge(string part, long most) =>
        part == ProgramPart
            ? new(PublishRefusal.ProgramTooLarge, $"This node takes programs of at most {most:N0} bytes; build with -O2 or -Os and strip the names.")
            : new(PublishRefusal.ManifestInvalid, $"agent.json has more than {most:N0} bytes.", [new FieldError("", $"At most {most:N0} bytes are read.")]);

    private static RequestRefusedException Refused(string reason) =>
        new(RequestRefusal.RequestInvalid, reason, [new FieldError("", reason)]);
}
