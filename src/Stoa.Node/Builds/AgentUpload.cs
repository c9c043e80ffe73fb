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
                var most = name == ManifestPart ? ManifestReader.MaxBytes : maxProgramBytes;
                if (await ReadPartAsync(section.Body, most, cancellationToken) is not { } bytes)
                    return TooLarge(name, most);
                if (!parts.TryAdd(name, bytes))
                    throw Refused($"The part '{name}' is there twice.");
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

    private static async Task<ReadOnlyMemory<byte>?> ReadPartAsync(Stream part, long most, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        var buffer = new byte[64 * 1024];
        int read;
        while ((read = await part.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (bytes.Length + read > most)
                return null;
            bytes.Write(buffer, 0, read);
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    private static Refusal<PublishRefusal> TooLarge(string part, long most) =>
        part == ProgramPart
            ? new(PublishRefusal.ProgramTooLarge, $"This node takes programs of at most {most:N0} bytes; build with -O2 or -Os and strip the names.")
            : new(PublishRefusal.ManifestInvalid, $"agent.json has more than {most:N0} bytes.", [new FieldError("", $"At most {most:N0} bytes are read.")]);

    private static RequestRefusedException Refused(string reason) =>
        new(RequestRefusal.RequestInvalid, reason, [new FieldError("", reason)]);
}
