using System.Text;

namespace Stoa.Llama.Engine;

/// <summary>Makes text of the bytes of tokens: whole characters only, and nothing that may turn out to be the beginning of a stop text.</summary>
/// <param name="stops">That end the text, and are no part of it; none is empty.</param>
internal sealed class AnswerText(IReadOnlyList<string> stops)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _held = new();

    /// <summary>Whether a stop text came.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Adds what a token stands for.</summary>
    /// <returns>What is certain by now; empty when all has to wait for more.</returns>
    public string Add(ReadOnlySpan<byte> bytes) => IsStopped ? "" : Take(bytes, isLast: false);

    /// <summary>Nothing more comes.</summary>
    /// <returns>What was held back.</returns>
    public string End() => IsStopped ? "" : Take([], isLast: true);

    private string Take(ReadOnlySpan<byte> bytes, bool isLast)
    {
        var characters = new char[_decoder.GetCharCount(bytes, isLast)];
        _decoder.GetChars(bytes, characters, isLast);
        _held.Append(characters);
        if (_held.Length == 0)
            return "";
        var text = _held.ToString();
        var stopAt = stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        IsStopped = stopAt >= 0;
        var certain = IsStopped ? stopAt : isLast ? text.Length : CertainLength(text);
        _held.Remove(0, IsStopped ? _held.Length : certain);
        return text[..certain];
    }

    /// <summary>How much of a text is not the beginning of a stop text that goes on with what comes next.</summary>
    private int CertainLength(string text)
    {
        var held = 0;
        foreach (var stop in stops)
        {
            for (var length = Math.Min(stop.Length - 1, text.Length); length > held; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                    held = length;
            }
        }

        return text.Length - held;
    }
}
