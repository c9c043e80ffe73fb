using System.Text;

namespace Stoa.Llama.Tests.Models;

/// <summary>A vocabulary of byte-level BPE: a token for each byte, some for what stands together most often in a text, and control tokens at the end.</summary>
public sealed class ByteVocabulary
{
    private const int Merges = 200;

    private const string Sample =
        "The market takes what the publisher lists, and the node gives it to whoever asks. A model reads the beginning of a text and writes what comes next, one token after the other. "
        + "Why is the sky blue? Because the air scatters the short waves of the light of the sun more than the long ones. Say hello to the world, and the world says hello to you.";

    private ByteVocabulary(IReadOnlyList<string> tokens, IReadOnlyList<string> merges, int controls) => (Tokens, MergeRules, FirstControl) = (tokens, merges, tokens.Count - controls);

    public IReadOnlyList<string> Tokens { get; }

    public IReadOnlyList<string> MergeRules { get; }

    /// <summary>The first control token: the end of a text. Behind it are the beginning and the end of a turn.</summary>
    public int FirstControl { get; }

    public static ByteVocabulary Create()
    {
        var letters = Enumerable.Range(0, 256).Select(LetterOf).ToArray();
        List<string> tokens = [.. letters];
        List<string> merges = [];
        // Words with the blank before them, as the tokenizers of GPT-2 cut a text.
        var words = Sample.Split(' ').Select((word, at) => Encoding.UTF8.GetBytes(at == 0 ? word : " " + word).Select(one => letters[one]).ToList()).ToList();
        while (merges.Count < Merges)
        {
            var best = words.SelectMany(word => word.Zip(word.Skip(1))).GroupBy(pair => pair)
                .OrderByDescending(group => group.Count()).ThenBy(group => group.Key.First, StringComparer.Ordinal).ThenBy(group => group.Key.Second, StringComparer.Ordinal).FirstOrDefault();
            if (best is null)
                break;
            var (first, second) = best.Key;
            merges.Add($"{first} {second}");
            if (!tokens.Contains(first + second))
                tokens.Add(first + second);
            foreach (var word in words)
            {
                for (var at = 0; at + 1 < word.Count; at++)
                {
                    if (word[at] != first || word[at + 1] != second)
                        continue;
                    word[at] = first + second;
                    word.RemoveAt(at + 1);
                }
            }
        }

        tokens.AddRange(["<|endoftext|>", "<|im_start|>", "<|im_end|>"]);
        return new ByteVocabulary(tokens, merges, controls: 3);
    }

    /// <summary>How GPT-2 writes a byte: as itself where it can be seen, else as a letter from 256 on.</summary>
    private static string LetterOf(int one)
    {
        static bool IsSeen(int value) => value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        return char.ToString((char)(IsSeen(one) ? one : 256 + Enumerable.Range(0, one).Count(other => !IsSeen(other))));
    }
}
