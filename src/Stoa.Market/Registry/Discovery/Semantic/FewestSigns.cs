namespace Stoa.Market.Registry.Discovery.Semantic;

/// <summary>Of vectors that are measured one after the other those from whose signs least differ, with all that are equally far as the last of them, up to twice as many as are wanted.</summary>
/// <remarks>How far the last one may be is known from those before, and falls: nearly all are put aside by one comparison.</remarks>
/// <param name="dimensions">The greatest distance.</param>
/// <param name="wanted">How many at least.</param>
internal sealed class FewestSigns(int dimensions, int wanted)
{
    // So many times as many as are wanted are kept before those are thrown away that have become too far.
    private const int Slack = 4;

    private readonly int[] _having = new int[dimensions + 1];
    private readonly List<(int Place, ushort Distance)> _near = new(Slack * wanted);
    private int _farthest = dimensions;
    private int _found;
    private int _most = Slack * wanted;

    /// <summary>Takes those of some that are near enough.</summary>
    /// <param name="first">The place of the first of them; all before have been taken.</param>
    /// <param name="distances">Of each.</param>
    public void Take(int first, ReadOnlySpan<ushort> distances)
    {
        for (var at = 0; distances[at..].IndexOfAnyInRange((ushort)0, (ushort)_farthest) is >= 0 and var next; at += next + 1)
            Add(first + at + next, distances[at + next]);
    }

    /// <summary>Their places, ascending.</summary>
    public List<int> Places()
    {
        var places = new List<int>(Math.Min(_found, 2 * wanted));
        foreach (var (place, distance) in _near)
        {
            // Of those that are equally far some may be left over: without these there would be too few, so all are taken, as far as that is bearable.
            if (distance <= _farthest && places.Count < 2 * wanted)
                places.Add(place);
        }

        return places;
    }

    private void Add(int place, ushort distance)
    {
        if (_near.Count == _most)
        {
            _near.RemoveAll(one => one.Distance > _farthest);
            _most = Math.Max(_most, 2 * _near.Count);
        }

        _near.Add((place, distance));
        _having[distance]++;
        for (_found++; _found - _having[_farthest] >= wanted; _farthest--)
            _found -= _having[_farthest];
    }
}
