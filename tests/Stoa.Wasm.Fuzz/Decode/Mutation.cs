namespace Stoa.Wasm.Fuzz.Decode;

/// <summary>Damages the bytes of a module.</summary>
internal static class Mutation
{
    private static readonly byte[] s_interesting =
    [
        0, 1, 2, 3, 4, 5, 7, 0x0B, 0x0F, 0x10, 0x11, 0x1A, 0x20, 0x3F, 0x40, 0x41, 0x60, 0x6F, 0x70, 0x7B, 0x7C, 0x7D, 0x7E, 0x7F, 0x80, 0xC0, 0xFC, 0xFD, 0xFF,
    ];

    private static readonly byte[][] s_numbers =
    [
        [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF, 0xFF, 0xFF, 0x1F], [0x80, 0x80, 0x80, 0x80, 0x08], [0x80, 0x80, 0x80, 0x80, 0x00],
        [0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0xFF, 0xFF, 0x03], [0xD0, 0x86, 0x03], [0x80, 0x80, 0x40], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    ];

    public static byte[] Apply(byte[] module, SeededRandom random)
    {
        var bytes = new List<byte>(module);
        for (int i = 1 + (random.Chance(60) ? 0 : random.Below(8)); i > 0; i--)
            ApplyOne(bytes, random);
        byte[] mutated = [.. bytes];
        // What is inside of a section is reached only when its length is right.
        return random.Chance(75) ? ModuleBytes.WithRightLengths(module, mutated) : mutated;
    }

    private static void ApplyOne(List<byte> bytes, SeededRandom random)
    {
        if (bytes.Count < 9)
            return;
        int at = 8 + random.Below(bytes.Count - 8);
        int length = Math.Min(1 + random.Below(random.Chance(80) ? 4 : 64), bytes.Count - at);
        switch (random.Below(9))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Below(8));
                break;
            case 1:
                bytes[at] = (byte)random.NextUInt64();
                break;
            case 2 or 3:
                bytes[at] = random.Pick<byte>(s_interesting);
                break;
            case 4:
                bytes.RemoveRange(at, length);
                break;
            case 5:
                bytes.Insert(at, random.Pick<byte>(s_interesting));
                break;
            case 6:
                bytes.InsertRange(at, bytes.GetRange(8 + random.Below(bytes.Count - length - 7), length));
                break;
            case 7:
                bytes.RemoveAt(at);
                bytes.InsertRange(at, random.Pick<byte[]>(s_numbers));
                break;
            default:
                if (random.Chance(10))
                    bytes.RemoveRange(at, bytes.Count - at);
                else
                    bytes[at]++;
                break;
        }
    }
}
