using Stoa.Market;

namespace Stoa.Node.Hosting;

/// <summary>Where a node lives.</summary>
public sealed record NodeOptions
{
    /// <summary>Folder of everything that the node keeps. Default <c>./data</c>. Also <c>--data</c> and <c>STOA_DATA</c>.</summary>
    public string DataFolder { get; init; } = "data";

    /// <summary>Where it listens; port 0 takes a free one. Default <c>http://127.0.0.1:8420</c>. Also <c>--url</c> and <c>STOA_URL</c>.</summary>
    public string Url { get; init; } = "http://127.0.0.1:8420";

    /// <summary>Where it stands, a lower-case word such as <c>eu-central</c>: tasks that ask for a region run only at nodes of it. Left out: nowhere in particular.</summary>
    public string? Region { get; init; }

    public IEnumerable<string> Validate()
    {
        if (string.IsNullOrWhiteSpace(DataFolder))
            yield return "Node:DataFolder names a folder.";
        if (!Uri.TryCreate(Url, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttp || url.PathAndQuery != "/")
            yield return "Node:Url is an address such as http://127.0.0.1:8420; for HTTPS put a reverse proxy in front.";
        if (Region is not null && !Names.IsRegion(Region))
            yield return "Node:Region is a lower-case word such as eu-central: 2 to 32 characters of a-z, 0-9 and hyphens, a letter first.";
    }
}
