namespace Stoa.Market.Selection;

/// <summary>The middle of some numbers.</summary>
internal static class Median
{
    /// <summary>The number that half of the others are not above; of an even count the upper of the two middle ones. The order is lost.</summary>
    /// <remarks>Hoare's selection: sorting all for it takes five times as long.</remarks>
    public static float Of(Span<float> values)
    {
        var middle = values.Length / 2;
        var (low, high) = (0, values.Length - 1);
        while (low < high)
        {
            // The middle one of three: numbers that are in order already must not be the worst case.
            var pivot = values[low + ((high - low) / 2)];
            pivot = Math.Max(Math.Min(values[low], pivot), Math.Min(Math.Max(values[low], pivot), values[high]));
            var (i, j) = (low, high);
            while (i <= j)
            {
                while (values[i] < pivot)
                    i++;
                while (values[j] > pivot)
                    j--;
                if (i > j)
                    break;
                (values[i], values[j]) = (values[j], values[i]);
                (i, j) = (i + 1, j - 1);
            }

            if (middle <= j)
                high = j;
            else if (middle >= i)
                low = i;
            else
                break;
        }

        return values[middle];
    }
}
