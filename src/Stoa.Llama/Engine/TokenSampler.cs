using System.Runtime.InteropServices;
using Stoa.Llama.Native;

namespace Stoa.Llama.Engine;

/// <summary>Draws the tokens of one answer. The engine's thread only.</summary>
internal sealed unsafe class TokenSampler : IDisposable
{
    private readonly LlamaLibrary _library;
    private readonly SamplerHandle _chain;
    private readonly SamplerHandle? _grammar;

    /// <param name="model">Whose tokens.</param>
    /// <param name="options">How they are drawn.</param>
    /// <param name="seedOffset">What is added to the seed: choices of one request differ in it.</param>
    /// <param name="window">How many tokens the penalties look back at most.</param>
    /// <exception cref="EngineRefusalException">The grammar cannot be read.</exception>
    public TokenSampler(LlamaModel model, SamplingOptions options, int seedOffset, int window)
    {
        _library = model.Library;
        if (options.Grammar is not null)
            _grammar = ReadGrammar(model, options.Grammar);
        _chain = new SamplerHandle(_library, _library.SamplerChainInit(1));
        if (options.Biases.Count > 0)
        {
            var biases = options.Biases.Select(one => new NativeBias { Token = one.Token, Bias = one.Bias }).ToArray();
            fixed (NativeBias* first = biases)
                Add(_library.SamplerLogitBias(model.VocabularySize, biases.Length, first));
        }

        if (options.FrequencyPenalty != 0 || options.PresencePenalty != 0)
            Add(_library.SamplerPenalties(model.VocabularySize, window, 1, options.FrequencyPenalty, options.PresencePenalty));
        if (options.Temperature <= 0)
        {
            Add(_library.SamplerGreedy());
            return;
        }

        if (options.TopK > 0)
            Add(_library.SamplerTopK(options.TopK));
        if (options.TopP < 1)
            Add(_library.SamplerTopP(options.TopP, 1));
        if (options.MinP > 0)
            Add(_library.SamplerMinP(options.MinP, 1));
        Add(_library.SamplerTemperature(options.Temperature));
        Add(_library.SamplerDistribution(unchecked(options.Seed + (uint)seedOffset)));
    }

    /// <summary>Whether a grammar can be read.</summary>
    /// <exception cref="EngineRefusalException">It cannot.</exception>
    public static void CheckGrammar(LlamaModel model, string grammar) => ReadGrammar(model, grammar).Dispose();

    /// <summary>Draws a token, and remembers it.</summary>
    /// <param name="logits">Of all tokens.</param>
    /// <param name="candidates">Room for as many; what is in it afterwards means nothing.</param>
    /// <returns>Null when no token fits the grammar.</returns>
    public int? Sample(ReadOnlySpan<float> logits, Span<Candidate> candidates)
    {
        var token = Draw(logits, candidates, withGrammar: false);
        // A grammar is asked of one token first: to ask it of all takes much longer, and most often the model keeps to it by itself.
        if (_grammar is not null && !MayBe(token))
        {
            token = Draw(logits, candidates, withGrammar: true);
            // A grammar that is told of a token that it does not take ends the process.
            if (!MayBe(token))
                return null;
        }

        if (_grammar is not null)
            _library.SamplerAccept(_grammar.Address, token);
        _library.SamplerAccept(_chain.Address, token);
        return token;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _chain.Dispose();
        _grammar?.Dispose();
    }

    private static SamplerHandle ReadGrammar(LlamaModel model, string grammar)
    {
        NativeLog.Clear();
        var (text, root) = (Marshal.StringToCoTaskMemUTF8(grammar), Marshal.StringToCoTaskMemUTF8("root"));
        try
        {
            var handle = new SamplerHandle(model.Library, model.Library.SamplerGrammar(model.Vocabulary, (byte*)text, (byte*)root));
            if (!handle.IsInvalid)
                return handle;
            handle.Dispose();
            throw new EngineRefusalException(EngineRefusal.GrammarInvalid, $"llama.cpp cannot read the grammar: {NativeLog.Said}");
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
            Marshal.FreeCoTaskMem(root);
        }
    }

    private void Add(nint sampler) => _library.SamplerChainAdd(_chain.Address, sampler);

    private int Draw(ReadOnlySpan<float> logits, Span<Candidate> candidates, bool withGrammar)
    {
        for (var token = 0; token < logits.Length; token++)
            candidates[token] = new Candidate { Token = token, Logit = logits[token] };
        fixed (Candidate* first = candidates)
        {
            var array = new CandidateArray { Data = first, Count = (nuint)logits.Length, Selected = -1 };
            if (withGrammar)
                _library.SamplerApply(_grammar!.Address, &array);
            _library.SamplerApply(_chain.Address, &array);
            return array.Selected >= 0 ? array.Data[array.Selected].Token : array.Data[0].Token;
        }
    }

    private bool MayBe(int token)
    {
        var one = new Candidate { Token = token, Logit = 1 };
        var array = new CandidateArray { Data = &one, Count = 1, Selected = -1 };
        _library.SamplerApply(_grammar!.Address, &array);
        return !float.IsNegativeInfinity(one.Logit);
    }
}
