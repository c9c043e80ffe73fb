using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Market.Workflows;

/// <summary>Documents that workflows may use, by what they call them; each is read once, however often it is used.</summary>
/// <param name="outer">Where those are that are not here; null for nowhere.</param>
internal sealed class WorkflowDocuments(WorkflowDocuments? outer)
{
    /// <summary>How many documents may stand beside one.</summary>
    public const int MaxCount = 100;

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Those that somebody has asked for.</summary>
    public IEnumerable<(string Name, JsonElement Document)> Used => _entries.Where(entry => entry.Value.IsUsed).Select(entry => (entry.Key, entry.Value.Document));

    /// <summary>Adds one.</summary>
    /// <param name="name">What it is called by.</param>
    /// <param name="document">It.</param>
    /// <param name="pointer">Where it stands (RFC 6901).</param>
    /// <returns>It.</returns>
    public Entry Add(string name, JsonElement document, string pointer) => _entries[name] = new Entry(name, document, pointer, this);

    /// <summary>Whether one that was given beside the document that is run is called so.</summary>
    public bool IsGiven(string name) => outer is not null && outer._entries.ContainsKey(name);

    /// <summary>Those that nobody has asked for.</summary>
    public IEnumerable<string> Unused => _entries.Where(entry => !entry.Value.IsUsed).Select(entry => entry.Key);

    /// <summary>The nearest one that is called so; null when there is none.</summary>
    public Entry? Find(WorkflowReference reference)
    {
        for (var at = this; at is not null; at = at.Outer)
        {
            if (at._entries.TryGetValue(reference.ToString(), out var entry))
                return entry;
            if (reference.Digest is { } digest && at._entries.Values.FirstOrDefault(other => other.Digest == digest) is { } same)
                return same;
        }

        return null;
    }

    private WorkflowDocuments? Outer => outer;

    /// <summary>A document.</summary>
    /// <param name="name">What it is called by.</param>
    /// <param name="document">It.</param>
    /// <param name="pointer">Where it stands.</param>
    /// <param name="around">Where what it uses is, unless it brings that along itself.</param>
    internal sealed class Entry(string name, JsonElement document, string pointer, WorkflowDocuments around)
    {
        private ContentHash? _digest;

        public string Name => name;

        public JsonElement Document => document;

        public string Pointer => pointer;

        public WorkflowDocuments Around => around;

        public ContentHash Digest => _digest ??= WorkflowReader.DigestOf(document);

        /// <summary>It is being read: who uses it now is used by it.</summary>
        public bool IsOpen { get; set; }

        public bool IsUsed { get; set; }

        /// <summary>Once it was read.</summary>
        public Workflow? Workflow { get; set; }
    }
}
