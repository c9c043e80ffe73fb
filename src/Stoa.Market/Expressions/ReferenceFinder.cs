namespace Stoa.Market.Expressions;

/// <summary>Finds what an expression reads of the root, without evaluating it.</summary>
/// <remarks>
/// It follows where values come from. As long as one is just a member of a member of the root, it is a place, and names lead on from there. As soon
/// as anything looks at it in another way (an index, a condition, a function, the result), all of that place is read, and what comes of it
/// is nothing that could be read again. Items of arrays are such: within projections there is no place, so names lead nowhere.
/// </remarks>
internal sealed class ReferenceFinder
{
    private readonly Place _root = new();

    private ReferenceFinder()
    {
    }

    /// <summary>The paths that are read, none within another, in the order in which the expression names them.</summary>
    public static IReadOnlyList<FieldPath> Find(Node root)
    {
        var finder = new ReferenceFinder();
        Read(finder.Follow(root, finder._root));
        var paths = new List<FieldPath>();
        Collect(finder._root, [], paths);
        return paths;
    }

    /// <summary>Where the value of a part comes from; null when all that it is made of has been read.</summary>
    private Place? Follow(Node node, Place? current)
    {
        switch (node)
        {
            case CurrentNode:
                return current;
            case LiteralNode:
                return null;
            case FieldNode field:
                return Follow(field.Source, current)?.Member(field.Name);
            case ChainNode chain:
                return Follow(chain.Second, Follow(chain.First, current));
            case IndexNode index:
                Read(Follow(index.Source, current));
                return null;
            case ProjectionNode projection:
                // Its condition and what stands behind it are of items.
                Read(Follow(projection.Source, current));
                return null;
            case AndNode and:
                Read(Follow(and.Left, current));
                return Follow(and.Right, current);
            case OrNode or:
                Read(Follow(or.Left, current));
                return Follow(or.Right, current);
            case NotNode not:
                return ReadAll([not.Operand], current);
            case ComparisonNode comparison:
                return ReadAll([comparison.Left, comparison.Right], current);
            case MultiListNode list:
                ReadNullness(current);
                return ReadAll(list.Items, current);
            case MultiHashNode hash:
                ReadNullness(current);
                return ReadAll(hash.Members.Select(member => member.Value), current);
            case CallNode call:
                return ReadAll(call.Arguments, current);
            case ExpressionNode:
                return null;
            default:
                throw new InvalidOperationException($"It is not known what a {node.GetType().Name} reads.");
        }
    }

    private Place? ReadAll(IEnumerable<Node> nodes, Place? current)
    {
        foreach (var node in nodes)
            Read(Follow(node, current));
        return null;
    }

    private static void Read(Place? place)
    {
        if (place is not null)
            place.IsRead = true;
    }

    /// <summary>A selection asks whether there is anything to select of. The root always is: it is an object.</summary>
    private void ReadNullness(Place? current)
    {
        if (current != _root)
            Read(current);
    }

    private static void Collect(Place place, List<string> names, List<FieldPath> paths)
    {
        if (place.IsRead)
        {
            paths.Add(new FieldPath([.. names]));
            return;
        }

        foreach (var (name, member) in place.Members)
        {
            names.Add(name);
            Collect(member, names, paths);
            names.RemoveAt(names.Count - 1);
        }
    }

    /// <summary>A member of a member of the root, or the root.</summary>
    private sealed class Place
    {
        public bool IsRead { get; set; }

        public OrderedDictionary<string, Place> Members { get; } = new(StringComparer.Ordinal);

        public Place Member(string name)
        {
            if (!Members.TryGetValue(name, out var member))
                Members.Add(name, member = new Place());
            return member;
        }
    }
}
