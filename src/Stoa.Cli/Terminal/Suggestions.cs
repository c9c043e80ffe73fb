namespace Stoa.Cli.Terminal;

/// <summary>What a mistyped word may have meant.</summary>
internal static class Suggestions
{
    /// <summary>The candidates that differ from a word by a slip or two, nearest first.</summary>
    public static IReadOnlyList<string> For(string word, IEnumerable<string> candidates)
    {
        var most = Math.Max(1, word.Length / 3);
        return
        [
            .. candidates
                .Select(candidate => (Candidate: candidate, Slips: candidate.StartsWith(word, StringComparison.OrdinalIgnoreCase) ? 0 : CountSlips(word, candidate)))
                .Where(scored => scored.Slips <= most)
                .OrderBy(scored => scored.Slips)
                .ThenBy(scored => scored.Candidate, StringComparer.Ordinal)
                .Select(scored => scored.Candidate)
                .Take(3),
        ];
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours (optimal string alignment distance), without regard to case.</summary>
    private static int CountSlips(string from, string to)
    {
        var (a, b) = (from.ToLowerInvariant(), to.ToLowerInvariant());
        var slips = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            slips[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            slips[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = slips[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                slips[i, j] = Math.Min(replace, Math.Min(slips[i - 1, j], slips[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    slips[i, j] = Math.Min(slips[i, j], slips[i - 2, j - 2] + 1);
            }
        }

        return slips[a.Length, b.Length];
    }
}
