using Stoa.Client;

namespace Stoa.Cli.Connection;

/// <summary>Which node a command speaks to and with which key, and where both came from.</summary>
/// <param name="Address">Of the node.</param>
/// <param name="Key">Null: as anybody.</param>
/// <param name="KeySource">For people; null without a key.</param>
/// <param name="Organisation">Handle of the organisation that is acted for; null for the account of the key.</param>
internal sealed record NodeConnection(Uri Address, string? Key, string? KeySource, string? Organisation = null)
{
    /// <summary>The session whose access token the key is, which is refreshed when that has ended; null where the key is another.</summary>
    public RememberedSession? Session { get; init; }

    /// <summary>The file in a node's data folder that holds the key of its first administrator.</summary>
    public const string AdminKeyFile = "admin.key";

    /// <summary>The first that is there: the options, STOA_ADDRESS and STOA_KEY, what <c>stoa login</c> remembered, and for a
    /// node on this machine the first administrator's key in the data folder (STOA_DATA, or ./data).</summary>
    /// <remarks>A remembered key is for the remembered address alone: it is never sent to another node. A remembered organisation goes with a remembered key.</remarks>
    public static NodeConnection Find(Surroundings surroundings, string? addressOption, string? keyOption, string? organisationOption = null)
    {
        var config = ConfigFile.Read(surroundings.ConfigDirectory);
        var address = ParseAddress(addressOption ?? NotEmpty(surroundings.Variable("STOA_ADDRESS")) ?? config.Address);
        var organisation = NotEmpty(organisationOption) ?? NotEmpty(surroundings.Variable("STOA_ORGANISATION"));
        if (keyOption is not null)
            return new NodeConnection(address, keyOption, "--key", organisation);
        if (NotEmpty(surroundings.Variable("STOA_KEY")) is { } variable)
            return new NodeConnection(address, variable, "STOA_KEY", organisation);
        if (config.Address is not null && ParseAddress(config.Address) == address && (config.Session?.Token ?? config.Key) is { } remembered)
            return new NodeConnection(address, remembered, ConfigFile.PathIn(surroundings.ConfigDirectory), organisation ?? config.Organisation) { Session = config.Session };
        if (address.IsLoopback)
        {
            var file = Path.Combine(DataDirectory(surroundings, option: null), AdminKeyFile);
            if (File.Exists(file))
                return new NodeConnection(address, File.ReadAllText(file).Trim(), file, organisation);
        }

        return new NodeConnection(address, null, null, organisation);
    }

    /// <summary>Where a node on this machine keeps its data: the option, STOA_DATA, or <c>data</c> in the current folder.</summary>
    public static string DataDirectory(Surroundings surroundings, string? option) =>
        surroundings.FullPath(option ?? NotEmpty(surroundings.Variable("STOA_DATA")) ?? "data");

    /// <exception cref="CommandFailure">Not an address of a node.</exception>
    public static Uri ParseAddress(string? text)
    {
        if (text is null)
            return StoaClientOptions.DefaultAddress;
        var withScheme = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        if (Uri.TryCreate(withScheme, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address.Host.Length > 0)
            return new Uri(address.GetLeftPart(UriPartial.Authority));
        throw new CommandFailure($"'{text}' is not the address of a node such as http://127.0.0.1:8420 or https://stoa.example.org.");
    }

    private static string? NotEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
