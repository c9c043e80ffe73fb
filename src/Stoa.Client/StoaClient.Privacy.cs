namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/users/me/export</c>: all that the node stores about you, as lines of JSON. Once a day.</summary>
    public Task ExportMeAsync(Stream destination, CancellationToken cancellationToken = default) => ExportMeAsync(destination, withContent: true, cancellationToken);

    /// <summary>The same with or without what is in the content store; without it as often as you like.</summary>
    public async Task ExportMeAsync(Stream destination, bool withContent, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Post, withContent ? "users/me/export" : "users/me/export?content=false"), cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (var part in ReadPartsAsync(body, cancellationToken))
            await destination.WriteAsync(part, cancellationToken);
    }
}
