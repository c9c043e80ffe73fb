namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/users/me/export</c>: all that the node stores about you, as lines of JSON.</summary>
    public async Task ExportMeAsync(Stream destination, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Post, "users/me/export"), cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (var part in ReadPartsAsync(body, cancellationToken))
            await destination.WriteAsync(part, cancellationToken);
    }
}
