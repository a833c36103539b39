// What tch leaves out of LibTorch: fused optimizer steps, and autocast on the CPU.
//
// Every function returns null when all went well, or a text that stays until this thread's next call.
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
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
}
