using System.Globalization;
using System.Text;
using Stoa.Market;
using Stoa.Market.Registry;

namespace Stoa.Node.Registry;

/// <summary>The SQL of a search in the catalogue: the newest version of each agent, in the order of listing names.</summary>
internal sealed class AgentSearch
{
    // More words than this narrow a search no further.
    private const int MaxWords = 8;
    private readonly StringBuilder _sql = new(
        $"SELECT {AgentRow.Columns} FROM agent_listings l JOIN agent_versions v ON v.id = l.newest_id");

    private readonly Dictionary<string, object?> _parameters = [];

    public AgentSearch(AgentQuery query, PageRequest page)
    {
        if (query.Capability is not null)
        {
            _sql.Append(" JOIN agent_capabilities c ON c.publisher = l.publisher AND c.name = l.name AND c.capability = @capability");
            _parameters["capability"] = Storable(query.Capability);
        }

        _sql.Append(" WHERE 1 = 1");
        if (query.Publisher is not null)
        {
            _sql.Append(" AND l.publisher = @publisher");
            _parameters["publisher"] = Storable(query.Publisher);
        }

        foreach (var (index, pattern) in Patterns(query.Text).Index())
        {
            _sql.Append(CultureInfo.InvariantCulture, $" AND l.search_text LIKE @word{index} ESCAPE '!'");
            _parameters[$"word{index}"] = pattern;
        }

        // The cursor is the last listing of the page before: publisher/name.
        if (ListingName.TryParse(page.Cursor, null, out var last))
        {
            _sql.Append(" AND (l.publisher > @afterPublisher OR (l.publisher = @afterPublisher AND l.name > @afterName))");
            (_parameters["afterPublisher"], _parameters["afterName"]) = (last.Publisher, last.Name);
        }

        _sql.Append(" ORDER BY l.publisher, l.name LIMIT @rows");
        // One row more than asked for tells whether there is a next page.
        _parameters["rows"] = page.Limit + 1;
    }

    public string Sql => _sql.ToString();

    public IReadOnlyDictionary<string, object?> Parameters => _parameters;

    /// <summary>What a search looks through.</summary>
    public static string TextOf(AgentVersion version) =>
        string.Join(
            ' ',
            [version.Publisher, version.Manifest.Name, version.Manifest.Description, .. version.Manifest.Tags, .. version.Manifest.Capabilities])
        .ToLowerInvariant();

    /// <summary>The patterns of the words of a text, each of which a listing's text has to be like; with the escape character !.</summary>
    public static IEnumerable<string> Patterns(string? text) => Storable(text ?? "").ToLowerInvariant()
        .Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Take(MaxWords)
        .Select(word => "%" + EscapeLike(word) + "%");

    /// <summary>The text as it can be asked for: PostgreSQL takes no NUL; in its place comes a character that no listing has.</summary>
    public static string Storable(string text) => text.Replace('\0', '\uFFFD');

    private static string EscapeLike(string word) =>
        word.Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal).Replace("_", "!_", StringComparison.Ordinal);
}
