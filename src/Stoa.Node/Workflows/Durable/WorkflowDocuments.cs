using System.Text;
using Stoa.Market.Workflows;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>Documents of workflows as they were read, so that a thousand runs of one read it once. Safe for use by many threads.</summary>
internal sealed class WorkflowDocuments
{
    // Read, a document takes some times its length.
    private const long MaxBytes = 32 << 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<ContentHash, LinkedListNode<(ContentHash Digest, Workflow Workflow, long Bytes)>> _known = [];
    private readonly LinkedList<(ContentHash Digest, Workflow Workflow, long Bytes)> _used = [];
    private long _bytes;

    /// <summary>A document that was checked when it came.</summary>
    /// <param name="digest">SHA-256 of it.</param>
    /// <param name="json">It.</param>
    /// <exception cref="InvalidOperationException">It cannot be read any more.</exception>
    public Workflow Read(ContentHash digest, string json)
    {
        lock (_gate)
        {
            if (_known.TryGetValue(digest, out var known))
            {
                _used.Remove(known);
                _used.AddFirst(known);
                return known.Value.Workflow;
            }
        }

        if (!WorkflowReader.Read(Encoding.UTF8.GetBytes(json)).TryGet(out var workflow, out var refusal))
            throw new InvalidOperationException($"The workflow {digest} cannot be read any more: {refusal.Errors[0].Reason}");
        Add(digest, workflow, json.Length);
        return workflow;
    }

    /// <summary>Remembers one that was just read.</summary>
    public void Add(ContentHash digest, Workflow workflow, long bytes)
    {
        lock (_gate)
        {
            if (_known.ContainsKey(digest))
                return;
            _known.Add(digest, _used.AddFirst((digest, workflow, bytes)));
            _bytes += bytes;
            while (_bytes > MaxBytes && _used.Count > 1)
            {
                var oldest = _used.Last!;
                _used.RemoveLast();
                _known.Remove(oldest.Value.Digest);
                _bytes -= oldest.Value.Bytes;
            }
        }
    }
}
