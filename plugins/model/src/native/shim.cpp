// What tch leaves out of LibTorch: fused optimizer steps, autocast on the CPU, and oneDNN's convolutions as they are used.
//
// Every function returns null when all went well, or a text that stays until this thread's next call.
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <exception>
#include <string>
#include <vector>

namespace {

using Tensors = at::Tensor *const *;

std::vector<at::Tensor> list(Tensors from, size_t count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(count);
    for (size_t i = 0; i < count; ++i) tensors.push_back(*from[i]);
    return tensors;
}

template <typename F> const char *guarded(F work) {
    thread_local std::string problem;
    try {
        work();
        return nullptr;
    } catch (const std::exception &error) {
        problem = error.what();
        return problem.c_str();
    }
}

at::Tensor call(const char *name, const char *overload, std::vector<c10::IValue> arguments) {
    auto operation = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
    operation.callBoxed(&arguments);
    return arguments.at(0).toTensor();
}

std::vector<int64_t> pair(const int64_t *two) { return {two[0], two[1]}; }

} // namespace

extern "C" {

const char *wakuteka_adam(Tensors weights, Tensors gradients, Tensors means, Tensors squares, size_t count,
                          at::Tensor *step, double rate, double beta1, double beta2, double decay, double epsilon,
                          bool decoupled) {
    return guarded([&] {
        auto w = list(weights, count), g = list(gradients, count), m = list(means, count), v = list(squares, count);
        std::vector<at::Tensor> steps(count, *step);
        if (decoupled) {
            at::_fused_adamw_(w, g, m, v, {}, steps, rate, beta1, beta2, decay, epsilon, false, false);
        } else {
            at::_fused_adam_(w, g, m, v, {}, steps, rate, beta1, beta2, decay, epsilon, false, false);
        }
    });
}

const char *wakuteka_sgd(Tensors weights, Tensors gradients, Tensors momenta, size_t count, double rate,
                         double momentum, double decay) {
    return guarded([&] {
        auto w = list(weights, count), g = list(gradients, count);
        auto m = list(momenta, momentum == 0.0 ? 0 : count);
        at::_fused_sgd_(w, g, m, decay, momentum, rate, 0.0, false, false, false);
    });
}

const char *wakuteka_autocast(int device, bool on) {
    return guarded([&] {
        auto type = static_cast<at::DeviceType>(device);
        if (on) {
            at::autocast::set_autocast_dtype(type, at::kBFloat16);
            at::autocast::set_autocast_enabled(type, true);
            at::autocast::increment_nesting();
        } else {
            if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
            at::autocast::set_autocast_enabled(type, false);
        }
    });
}

void wakuteka_allow_tf32(bool allow) {
    at::globalContext().setAllowTF32CuBLAS(allow);
    at::globalContext().setAllowTF32CuDNN(allow);
}

// `window`: padding, stride and dilation of height and width each, then groups.
const char *wakuteka_pack(at::Tensor *weight, const int64_t *window, const int64_t *input, at::Tensor **packed) {
    return guarded([&] {
        std::vector<int64_t> sides(input, input + 4);
        *packed = new at::Tensor(call("mkldnn::_reorder_convolution_weight", "",
                                      {*weight, pair(window), pair(window + 2), pair(window + 4), window[6], sides}));
    });
}

// `bias` and `other` may be null. `limit`: 0 none, 1 nothing below 0, 2 nothing below 0 and nothing above 6.
const char *wakuteka_convolution(at::Tensor *x, at::Tensor *weight, at::Tensor *bias, at::Tensor *other,
                                 const int64_t *window, int limit, at::Tensor **y) {
    return guarded([&] {
        c10::IValue none, shift = bias ? c10::IValue(*bias) : none;
        auto padding = pair(window), stride = pair(window + 2), dilation = pair(window + 4);
        c10::List<std::optional<at::Scalar>> bounds;
        if (limit == 2) bounds = {at::Scalar(0.0), at::Scalar(6.0)};
        std::string unary = limit == 0 ? "none" : limit == 1 ? "relu" : "hardtanh";
        if (other) {
            // Only ReLU can follow a sum in the same kernel.
            auto after = limit == 1 ? c10::IValue("relu") : none;
            auto sum = call("mkldnn::_convolution_pointwise", "binary",
                            {*x, *other, *weight, shift, padding, stride, dilation, window[6], "add", none, after,
                             c10::List<std::optional<at::Scalar>>(), none});
            if (limit == 2) sum.clamp_(0.0, 6.0);
            *y = new at::Tensor(sum);
        } else {
            *y = new at::Tensor(call("mkldnn::_convolution_pointwise", "",
                                     {*x, *weight, shift, padding, stride, dilation, window[6], unary, bounds, ""}));
        }
    });
}
}
